// A store in Redis, over a connection of ioredis that somebody else opened. It ends every operation in its own time: a client of
// Redis waits for a server that is away for as long as it takes, and so would every call that asks it.
import { type Clock, systemClock } from '../../core/index.js'
import type { Limit, Taken } from '../limit.js'
import type { Change, Store } from '../store.js'
import { storeUnavailable } from '../unavailable.js'
import { compareAndSet, type Script, take } from './scripts.js'

/**
 * What is needed of a connection: that of `ioredis` 5 or 6, `Redis` or `Cluster`, or what looks like it. Said here and not imported, so
 * that the package depends on no version of it.
 */
export interface RedisConnection {
  /** `ready` when commands are sent at once; anything else: they wait for a connection. */
  readonly status: string
  /** `GET`. */
  get(key: string): Promise<string | null>
  /** `SET` with `PX`. */
  set(key: string, value: string, unit: 'PX', ttlMs: number): Promise<unknown>
  /** `DEL`. */
  del(key: string): Promise<unknown>
  /** `EVALSHA`; its error says `NOSCRIPT` where Redis does not know the script. */
  evalsha(sha: string, keyCount: number, ...keysAndValues: readonly string[]): Promise<unknown>
  /** `EVAL`. */
  eval(text: string, keyCount: number, ...keysAndValues: readonly string[]): Promise<unknown>
}

/** Options of {@link redisStore}. */
export interface RedisStoreOptions {
  /** What the names of all keys begin with. @defaultValue 'tenon:' */
  readonly prefix?: string
  /** How long an operation may take, in ms, more than 0. @defaultValue 500 */
  readonly timeoutMs?: number
  /** How long all operations fail at once after one took too long, in ms, 0 or more. @defaultValue 1 000 */
  readonly pauseMs?: number
  /** How many operations may wait for an answer; one more fails at once. Whole, 1 or more. @defaultValue 10 000 */
  readonly maxPending?: number
  /** @defaultValue systemClock */
  readonly clock?: Clock
}

/**
 * Makes a store of a connection to Redis 5 or newer. While there is no connection each operation fails at once; where Redis does not
 * answer it fails after `timeoutMs`, and for `pauseMs` the next ones fail at once. Limits are kept by Redis' own clock.
 *
 * Throws `TypeError` for a connection that is none, `RangeError` for an option out of range.
 *
 * @example
 * ```ts no-run
 * import { Redis } from 'ioredis'
 * import { rateLimit } from 'tenon/middleware'
 * import { redisStore } from 'tenon/store/redis'
 *
 * const store = redisStore(new Redis('redis://127.0.0.1:6379'))
 * export const limit = rateLimit({ name: 'shop', limit: 100, windowMs: 60_000, store })
 * ```
 */
export function redisStore(connection: RedisConnection, options: RedisStoreOptions = {}): Store {
  return new RedisStore(connection, options)
}

class RedisStore implements Store {
  readonly #connection: RedisConnection
  readonly #prefix: string
  readonly #timeoutMs: number
  readonly #pauseMs: number
  readonly #maxPending: number
  readonly #clock: Clock
  #pending = 0
  #pausedUntil = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(connection: RedisConnection, options: RedisStoreOptions) {
    const { prefix = 'tenon:', timeoutMs = 500, pauseMs = 1_000, maxPending = 10_000, clock = systemClock } = options
    if (typeof connection?.evalsha !== 'function') throw new TypeError('redisStore: needs a connection of ioredis')
    if (!(timeoutMs > 0)) throw new RangeError(`redisStore: timeoutMs must be more than 0, got ${timeoutMs}`)
    if (!(pauseMs >= 0)) throw new RangeError(`redisStore: pauseMs must be 0 or more, got ${pauseMs}`)
    if (!(maxPending >= 1)) throw new RangeError(`redisStore: maxPending must be 1 or more, got ${maxPending}`)
    this.#connection = connection
    this.#prefix = prefix
    this.#timeoutMs = timeoutMs
    this.#pauseMs = pauseMs
    this.#maxPending = maxPending
    this.#clock = clock
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#ask(redis => redis.get(this.#name('value', key)))) ?? undefined
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    await this.#ask(redis => redis.set(this.#name('value', key), value, 'PX', wholeMs(ttlMs)))
  }

  async delete(key: string): Promise<void> {
    await this.#ask(redis => redis.del(this.#name('value', key)))
  }

  async compareAndSet(key: string, { from, to, ttlMs }: Change): Promise<boolean> {
    const values = [...optional(from), ...optional(to), String(wholeMs(ttlMs))]
    return (await this.#run(compareAndSet, this.#name('value', key), values)) === 1
  }

  async take(key: string, { limit, windowMs, burst }: Limit): Promise<Taken> {
    const values = [String((windowMs * 1_000) / limit), String(burst)]
    const told = (await this.#run(take, this.#name('limit', key), values)) as readonly number[] // as the script gives them
    const [allowed, remaining = 0, retryAfter = 0, reset = 0] = told
    return { allowed: allowed === 1, remaining, retryAfterMs: retryAfter / 1_000, resetMs: reset / 1_000 }
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #name(kind: 'value' | 'limit', key: string): string {
    return `${this.#prefix}${kind}:${key}`
  }

  #run({ sha, text }: Script, key: string, values: readonly string[]): Promise<unknown> {
    return this.#ask(redis =>
      redis.evalsha(sha, 1, key, ...values).catch(error => {
        if (!String(error).includes('NOSCRIPT')) throw error
        return redis.eval(text, 1, key, ...values)
      }),
    )
  }

  #ask<T>(operation: (redis: RedisConnection) => Promise<T>): Promise<T> {
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(storeUnavailable(refusal))
    this.#pending++
    return new Promise<T>((resolve, reject) => {
      const timer = this.#clock.setTimer(() => {
        this.#pausedUntil = this.#clock.now() + this.#pauseMs
        reject(storeUnavailable(`Redis did not answer within ${this.#timeoutMs} ms`))
      }, this.#timeoutMs)
      const end = (): void => {
        this.#pending--
        timer.cancel()
      }
      operation(this.#connection).then(
        result => {
          end()
          resolve(result)
        },
        error => {
          end()
          reject(storeUnavailable('Redis failed', error))
        },
      )
    })
  }

  #refusal(): string | undefined {
    if (this.#closed) return 'the store has been closed'
    const { status } = this.#connection
    if (status !== 'ready') return `there is no connection to Redis: ${status}`
    if (this.#clock.now() < this.#pausedUntil) return 'Redis has just not answered'
    return this.#pending >= this.#maxPending ? 'too many operations wait for Redis' : undefined
  }
}

/** Redis takes whole milliseconds; never less than were asked for, up to some 285 000 years. */
function wholeMs(ttlMs: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(1, Math.ceil(ttlMs)))
}

function optional(value: string | undefined): readonly [string, string] {
  return value === undefined ? ['0', ''] : ['1', value]
}
