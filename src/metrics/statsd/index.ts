// "tenon/metrics/statsd": metrics for Etsy's statsd and for DogStatsD, over UDP.
export type { MetricSender, SenderEvent, SenderOptions } from '../sender.js'
export type { Dialect } from './lines.js'
export { type StatsdOptions, statsd } from './statsd.js'
