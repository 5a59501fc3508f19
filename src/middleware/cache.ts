// Remembers responses for a while. What makes two requests the same is for the code to say: a key made by the library would sooner or
// later leave out the principal.

import { enteredAt } from '../core/context.js'
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
import { answeredBefore } from '../core/layer.js'
import type { Succeeded } from '../core/outcome.js'
import { Recent } from '../store/recent.js'
import { checkedKey } from './call-key.js'
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
  /**
   * How many responses are remembered; the one that was not asked for longest goes first. A change holds for calls that have begun, too,
   * since a bound that some exceed is none. @defaultValue 1 000
   */
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

/** A response that is remembered. */
interface Entry {
  readonly outcome: Succeeded
  readonly storedAt: number
  readonly clock: Clock
  refreshing: boolean
}

/** A call that was not answered from memory. */
interface Missed {
  /** Of its method. */
  readonly entries: Recent<Entry>
  readonly key: string
  /** How often everything, or something, was forgotten before it began. */
  readonly forgotten: number
  /** Its response has turned out to be a stream, which nobody can get again. */
  streams: boolean
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
    // One for each method, which share their bound, so that maxEntries is that of the whole.
    const all: Recent<Entry> = new Recent()
    const byMethod: Map<string, Recent<Entry>> = new Map()
    const entriesOf = ({ service, name }: Partial<MethodInfo> = {}): Recent<Entry> => {
      const known = byMethod.get(`${service}/${name}`) ?? new Recent(all)
      byMethod.set(`${service}/${name}`, known)
      return known
    }
    /** How often `forget` was called: what was under way then must not come back. */
    let forgotten = 0
    const store = ({ entries, key }: Missed, outcome: Succeeded, { clock }: Context): void => {
      const entry = { outcome, storedAt: clock.now(), clock, refreshing: false }
      entries.set(key, entry, frame.current.maxEntries ?? 1_000)
    }
    const refresh = (missed: Missed, entry: Entry, { context, method, ...work }: Refreshing): void => {
      if (entry.refreshing) return
      entry.refreshing = true
      const onOver = (outcome: Outcome | undefined): void => {
        entry.refreshing = false
        const isRight = outcome?._tag === 'Right'
        if (isRight && missed.entries.peek(missed.key) === entry) store(missed, outcome, context)
        frame.emit({ type: isRight ? 'refreshed' : 'refresh-failed', method })
      }
      new SharedRun({ ...work, context, maxRunMs: frame.current.maxRunMs ?? 30_000, onOver }).start()
    }
    const middleware = frame.around<Missed | undefined>(method => {
      const entries = entriesOf(method)
      return {
        enter(context, request, inner) {
          const options = frame.current
          const key = keyOf(method, request, { context, options })
          if (key === undefined) return undefined
          const missed = { entries, key, forgotten, streams: false }
          const entry = entries.get(key)
          const ageMs = entry?.clock === context.clock ? enteredAt(context) - entry.storedAt : Number.POSITIVE_INFINITY
          if (entry === undefined || ageMs >= options.ttlMs + (options.staleMs ?? 0)) {
            frame.emit({ type: 'missed', method })
            return { state: missed }
          }
          const isFresh = ageMs < options.ttlMs
          frame.emit({ type: isFresh ? 'hit' : 'stale', method })
          if (!isFresh) refresh(missed, entry, { context, method, next: inner.next, request })
          return answeredBefore(entry.outcome)
        },
        opened(missed) {
          if (missed !== undefined) missed.streams = true
        },
        exit(outcome, missed, context) {
          if (outcome._tag === 'Left' || missed === undefined) return
          if (!missed.streams && missed.forgotten === forgotten) store(missed, outcome, context)
        },
      }
    })
    const controls = {
      get size() {
        return all.size
      },
      forget(key?: string) {
        forgotten++
        all.forget(each => key === undefined || each === key)
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
  return options.evenUnsafe === true || method?.idempotency === 'safe'
    ? checkedKey('cache', options.key(request, context))
    : undefined
}

interface Refreshing extends Pick<SharedWork, 'context' | 'next' | 'request'> {
  readonly method: MethodInfo | undefined
}
