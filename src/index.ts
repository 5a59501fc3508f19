// "tenon": the core and what of contracts services and their callers run. `openapi`, `proto` and `diff` write and compare
// documents: a third of the code, which few processes run, so they are in "tenon/contract" alone.

export { connect } from './contract/connect.js'
export { contract } from './contract/contract.js'
export { implement } from './contract/implement.js'
export type * from './contract/index.js'
export { failure, method } from './contract/method.js'
export { stream } from './contract/schema.js'
export { statusOf } from './contract/status.js'
export { failureFromWire, failureToWire, plainFailureFromWire } from './contract/wire-failure.js'
export * from './core/index.js'
