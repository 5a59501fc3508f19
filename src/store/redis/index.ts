// "tenon/store/redis": a store that processes share.
export { type RedisConnection, type RedisStoreOptions, redisStore } from './redis-store.js'
