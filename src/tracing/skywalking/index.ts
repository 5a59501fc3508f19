// "tenon/tracing/skywalking": segments for SkyWalking, over its HTTP protocol.
export { type SegmentCounts, type SkywalkingOptions, type SkywalkingReporter, skywalking } from './skywalking.js'
