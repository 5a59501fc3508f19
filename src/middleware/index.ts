// "tenon/middleware": what endpoints are wrapped with.
export { logging } from './logging.js'
export { type Timeout, type TimeoutEvent, type TimeoutOptions, timeout } from './timeout.js'
