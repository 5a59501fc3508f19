// "tenon/transport/memory": services called in the same process.
export { client, type MemoryOptions } from './client.js'
