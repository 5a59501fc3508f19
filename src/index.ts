// "tenon": the core and the contract, which is what services and their callers are written with.
export * from './core/index.js'
export * from './contract/index.js'
