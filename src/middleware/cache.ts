// Remembers responses for a while. What makes two requests the same is for the code to say: a key made by the library would sooner or
// later leave out the principal.
import {
  booleanOption,
  type Clock,
  type Context,
  definePolicy,
  functionOption,
  type MethodInfo,
  numberOption,
  type Outcome,
  type Policy,
  type PolicyEvent,
  type PolicyOptions,
} from '../core/index.js'
import { isStream } from '../core/stream.js'
import { Recent } from '../store/recent.js'
import { sharedOutsideAuthentication } from './order-rules.js'
import { SharedRun, type SharedWork } from './shared-run.js'

/** What a {@link cache} tells. */
export interface CacheEvent extends PolicyEvent {
  readonly kind: 'cache'
  /**
   * `hit`: answered from memory. `stale`: answered from memory, and is being fetched anew. `missed`: run. `refreshed`: fetched anew.
   * `refresh-failed`: fetching anew failed, and the old response stays until it is too old.
   */
  readonly type: 'hit' | 'stale' | 'missed' | 'refreshed' | 'refresh-failed'
}

/** Options of {@link cache}. */
export interface CacheOptions<Req = unknown> extends PolicyOptions<CacheEvent> {
  /**
   * What makes two calls the same; `undefined` lets a call pass. Has to hold everything that the response depends on: without the
   * principal in it, one user gets the response of another.
   */
  readonly key: (request: Req, context: Context) => string | undefined
  /** How long a response is fresh, in ms; more than 0. A change holds for what is remembered already, too. */
  readonly ttlMs: number
  /** How long after that it is still given while it is fetched anew, in ms; 0 for not at all. @defaultValue 0 */
  readonly staleMs?: number
  /** How many responses are remembered; the one that was not asked for longest goes first. @defaultValue 1 000 */
  readonly maxEntries?: number
  /** How long fetching anew may take, in ms; more than 0. @defaultValue 30 000 */
  readonly maxRunMs?: number
  /** Whether methods that are not `safe` are cached, too, those that are not known included. @defaultValue false */
  readonly evenUnsafe?: boolean
}

/** What {@link cache} makes. */
export interface Cache<Req = unknown> extends Policy<CacheOptions<Req>, CacheEvent> {
  /** How many responses are remembered. */
  readonly size: number
  /** Forgets the response of a key, for all methods, or all responses. */
  forget(key?: string): void
}

/**
 * Answers from memory what was answered within `ttlMs`; within `staleMs` after that it answers from memory and fetches anew behind the
 * call (stale-while-revalidate, RFC 5861). Only successes are remembered, without what was said beside them. Only `safe` methods,
 * unless told to; others and streams pass. All get the same object: do not change it.
 *
 * Belongs outside everything that costs (`singleFlight`, `retry`, `breaker`), and inside `authenticate` and `authorize`: a response
 * from memory has to be allowed, too.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { callOrThrow, fromPromise } from 'tenon'
 * import { cache } from 'tenon/middleware'
 *
 * let runs = 0
 * const remembered = cache<{ sku: string }>({ key: ({ sku }) => sku, ttlMs: 60_000, evenUnsafe: true })
 * const price = remembered(fromPromise(async (_: { sku: string }) => ++runs))
 * assert.equal(await callOrThrow(price, { sku: 'tea' }), 1)
 * assert.equal(await callOrThrow(price, { sku: 'tea' }), 1)
 * ```
 */
export function cache<Req = unknown>(options: CacheOptions<Req>): Cache<Req> {
  return cachePolicy(options as CacheOptions) as unknown as Cache<Req> // `key` gets the requests of what it wraps
}

interface Entry {
  readonly outcome: Outcome
  readonly storedAt: number
  readonly clock: Clock
  refreshing: boolean
}

const cachePolicy = definePolicy<CacheOptions, CacheEvent, Pick<Cache, 'size' | 'forget'>>({
  kind: 'cache',
  lint: [sharedOutsideAuthentication],
  rules: {
    key: functionOption(),
    ttlMs: numberOption({ above: 0 }),
    staleMs: numberOption({ fallback: 0, min: 0 }),
    maxEntries: numberOption({ fallback: 1_000, min: 1, integer: true }),
    maxRunMs: numberOption({ fallback: 30_000, above: 0 }),
    evenUnsafe: booleanOption(false),
  },
  create(frame) {
    // One list for all methods, so that maxEntries bounds the whole; the method is part of the name.
    const entries: Recent<Entry> = new Recent()
    /** How often `forget` was called: what was under way then must not come back. */
    let forgotten = 0
    const store = (name: string, outcome: Outcome, { clock }: Context): void => {
      if (outcome._tag === 'Left' || isStream(outcome.right)) return
      entries.set(name, { outcome, storedAt: clock.now(), clock, refreshing: false }, frame.current.maxEntries ?? 1_000)
    }
    const fetched = (name: string, running: Promise<Outcome>, context: Context): Promise<Outcome> => {
      const before = forgotten
      return running.then(outcome => {
        if (forgotten === before) store(name, outcome, context)
        return outcome
      })
    }
    const refresh = (name: string, entry: Entry, { context, method, ...work }: Refreshing): void => {
      if (entry.refreshing) return
      entry.refreshing = true
      const onOver = (outcome: Outcome | undefined): void => {
        entry.refreshing = false
        const isRight = outcome?._tag === 'Right'
        if (isRight && entries.peek(name) === entry) store(name, outcome, context)
        frame.emit({ type: isRight ? 'refreshed' : 'refresh-failed', method })
      }
      new SharedRun({ ...work, context, maxRunMs: frame.current.maxRunMs ?? 30_000, onOver })
    }
    /** What is remembered of a name and not too old, and whether it is fresh. */
    const found = (name: string, { clock }: Context) => {
      const { ttlMs, staleMs = 0 } = frame.current
      const entry = entries.get(name)
      if (entry === undefined || entry.clock !== clock) return undefined
      const ageMs = clock.now() - entry.storedAt
      return ageMs < ttlMs + staleMs ? { entry, isFresh: ageMs < ttlMs } : undefined
    }
    const middleware = frame.intercept(method => {
      const prefix = `${method?.service ?? ''}/${method?.name ?? ''} `
      return {
        run(next, request, context) {
          const key = keyOf(method, request, { context, options: frame.current })
          if (key === undefined) return next(request, context)
          const name = prefix + key
          const remembered = found(name, context)
          if (remembered !== undefined) {
            const { entry, isFresh } = remembered
            frame.emit({ type: isFresh ? 'hit' : 'stale', method })
            if (!isFresh) refresh(name, entry, { context, method, next, request })
            return entry.outcome
          }
          frame.emit({ type: 'missed', method })
          const outcome = next(request, context)
          if (outcome instanceof Promise) return fetched(name, outcome, context)
          store(name, outcome, context)
          return outcome
        },
      }
    })
    const controls = {
      get size() {
        return entries.size
      },
      forget(key?: string) {
        forgotten++
        entries.forget(key === undefined ? () => true : name => name.slice(name.indexOf(' ') + 1) === key)
      },
    }
    return { middleware, controls }
  },
})

/** What the response to a request is remembered by, among those of its method; `undefined` where it is not to be. */
function keyOf(
  method: MethodInfo | undefined,
  request: unknown,
  { context, options }: { readonly context: Context; readonly options: CacheOptions },
): string | undefined {
  return options.evenUnsafe === true || method?.idempotency === 'safe' ? options.key(request, context) : undefined
}

interface Refreshing extends Pick<SharedWork, 'context' | 'next' | 'request'> {
  readonly method: MethodInfo | undefined
}
