// "tenon/store": what limits, idempotency keys and sessions share.
export type { Limit, Taken } from './limit.js'
export { type MemoryStoreOptions, memoryStore } from './memory-store.js'
export type { Change, Store } from './store.js'
