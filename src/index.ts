// "tenon": the core and the contract, which is what services and their callers are written with.

export * from './contract/index.js'
export * from './core/index.js'
