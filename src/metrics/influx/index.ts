// "tenon/metrics/influx": metrics for InfluxDB and whatever takes its line protocol, over HTTP.
export type { MetricSender, SenderEvent, SenderOptions } from '../sender.js'
export { type InfluxOptions, influx } from './influx.js'
