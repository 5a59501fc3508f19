// "tenon/metrics/graphite": metrics for Graphite's carbon, over TCP.
export type { MetricSender, SenderEvent, SenderOptions } from '../sender.js'
export { type GraphiteOptions, graphite } from './graphite.js'
