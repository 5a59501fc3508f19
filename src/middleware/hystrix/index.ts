// "tenon/middleware/hystrix": what calls do, live, in the form that Hystrix's dashboard and Turbine read.

export type { CommandOptions, CommandPolicies } from './command.js'
export { type HystrixStream, type HystrixStreamOptions, hystrixStream } from './hystrix-stream.js'
