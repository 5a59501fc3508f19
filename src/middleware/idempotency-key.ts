// The same key runs once and gets the same answer, so that a caller that heard nothing may ask again without ordering twice. After
// draft-ietf-httpapi-idempotency-key-header and what Stripe does.
import {
  CallError,
  type Context,
  definePolicy,
  type Failure,
  failureOf,
  fixed,
  functionOption,
  type Guard,
  isFailure,
  left,
  type MethodInfo,
  numberOption,
  type Outcome,
  objectOption,
  oneOfOption,
  type Policy,
  type PolicyControls,
  type PolicyEvent,
  type PolicyOptions,
} from '../core/index.js'
import { isStream } from '../core/stream.js'
import type { Store } from '../store/index.js'
import { type CallKey, keyOf, text } from './call-key.js'
import { type IdempotencyNote, IdempotentCall } from './idempotent-call.js'
import { type AnswerCodec, plainCodec } from './kept-answer.js'
import { samePolicyTwice, sharedOutsideAuthentication } from './order-rules.js'
import { sha256, toText } from './plain-json.js'

/** What an {@link idempotencyKey} tells. */
export interface IdempotencyEvent extends PolicyEvent {
  readonly kind: 'idempotencyKey'
  /**
   * `replayed`: a call got the answer of an earlier one. `in-use`, `reused`: a call was refused. `not-kept`: an answer could not be
   * kept. `superseded`: a run had lost its key to another one before it ended. `store-failed`: the store could not be asked.
   */
  readonly type: IdempotencyNote
}

/** Options of {@link idempotencyKey}. */
export interface IdempotencyKeyOptions<C extends Context = Context> extends PolicyOptions<IdempotencyEvent> {
  /** The key that the caller chose: `(_, { metadata }) => metadata.get('idempotency-key')`. Cannot change. */
  readonly key: CallKey<C>
  /**
   * Who calls: nobody gets the answer of somebody else's key. Anything but a string is a defect of the call. `'none'` where there are
   * no principals. Cannot change.
   */
  readonly principal: ((context: C) => string) | 'none'
  /** Remembers keys and answers; to be shared by all instances. Cannot change. */
  readonly store: Store
  /** How long an answer is remembered, in ms, more than 0. @defaultValue 86 400 000, a day */
  readonly ttlMs?: number
  /** How long the key of a process that died stays taken, in ms, 100 or more. Renewed while the call runs. @defaultValue 30 000 */
  readonly leaseMs?: number
  /** What becomes of a call whose key belongs to one that still runs. @defaultValue 'refuse' */
  readonly whenRunning?: 'refuse' | 'wait'
  /** How often a call that waits asks the store, in ms, 1 or more. @defaultValue 100 */
  readonly pollMs?: number
  /** How long an answer may be as text, in characters; of a longer one only that there was one is kept. @defaultValue 262 144 */
  readonly maxLength?: number
  /** What tells requests apart. @defaultValue the SHA-256 of the request as JSON, whatever the order of its fields */
  readonly fingerprint?: (request: unknown) => string | Promise<string>
  /** How responses are kept. Cannot change. @defaultValue JSON, with dates, bigints and bytes as they were */
  readonly codec?: AnswerCodec
  /** Whether a failure after which the call may have run is the answer; otherwise the key is free again. Pure. @defaultValue always */
  readonly shouldKeep?: (failure: Failure) => boolean
  /**
   * What becomes of a call while the store cannot be asked: `closed` refuses it with `unavailable`/`STORE_UNAVAILABLE`, `open` runs it,
   * perhaps not for the first time. @defaultValue 'closed'
   */
  readonly whenStoreFails?: 'open' | 'closed'
}

/** What {@link idempotencyKey} makes. */
export interface IdempotencyKey extends Policy<IdempotencyKeyOptions, IdempotencyEvent> {}

/** What {@link idempotencyKey} makes where it reads `N` in the context: it needs a provider of that outside it. */
export interface IdempotencyKeyFor<N>
  extends Guard<N>,
    PolicyControls<IdempotencyKeyOptions<Context & N>, IdempotencyEvent> {}

/**
 * Runs the first call with a key, and gives its answer to all that follow: the response or the failure, a domain failure too, with
 * headers and status, and `idempotent-replayed: true`. Keys are apart by principal and method. Another request under the same key fails
 * with `invalid_argument`/`IDEMPOTENCY_KEY_REUSED`; one while the first still runs with `aborted`/`IDEMPOTENCY_KEY_IN_USE`, or waits.
 * What certainly did not run (`ran: 'no'`) is no answer. Calls without a key go on as they are.
 *
 * A call that has begun goes on until its deadline when its caller leaves, since that one will ask again. Fails while wrapping, with
 * `TypeError`, for a method that streams.
 *
 * Belongs right behind `authenticate`, outside everything that limits or repeats.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { call, fromPromise, testContext } from 'tenon'
 * import { idempotencyKey } from 'tenon/middleware'
 * import { memoryStore } from 'tenon/store'
 *
 * const once = idempotencyKey({
 *   key: (_, { metadata }) => metadata.get('idempotency-key'),
 *   principal: 'none',
 *   store: memoryStore(),
 * })
 * let orders = 0
 * const method = { service: 'shop.v1.Orders', name: 'place', idempotency: 'unsafe' } as const
 * const place = once(fromPromise(async (_: { sku: string }) => ({ id: ++orders }), method))
 * const context = testContext({ metadata: { 'idempotency-key': 'k-1' } })
 * assert.deepEqual(await call(place, { sku: 'tea' }, { context }), await call(place, { sku: 'tea' }, { context }))
 * assert.equal(orders, 1)
 * ```
 */
export function idempotencyKey(options: IdempotencyKeyOptions): IdempotencyKey
/** As above, with a `key` or `principal` that needs more of the context. */
export function idempotencyKey<N>(options: IdempotencyKeyOptions<Context & N>): IdempotencyKeyFor<N>
export function idempotencyKey(options: IdempotencyKeyOptions): IdempotencyKey {
  return idempotencyKeyPolicy(options)
}

const defaults = { ttlMs: 86_400_000, leaseMs: 30_000, pollMs: 100, maxLength: 262_144 } as const

const idempotencyKeyPolicy = definePolicy<IdempotencyKeyOptions, IdempotencyEvent>({
  kind: 'idempotencyKey',
  lint: [samePolicyTwice, sharedOutsideAuthentication],
  rules: {
    key: fixed(functionOption<CallKey>()),
    principal: fixed({
      must: "be a function or 'none'",
      allows: value => typeof value === 'function' || value === 'none',
    }),
    store: objectOption<Store>(['get', 'compareAndSet']),
    ttlMs: numberOption({ fallback: defaults.ttlMs, above: 0 }),
    leaseMs: numberOption({ fallback: defaults.leaseMs, min: 100 }),
    whenRunning: oneOfOption(['refuse', 'wait'], 'refuse'),
    pollMs: numberOption({ fallback: defaults.pollMs, min: 1 }),
    maxLength: numberOption({ fallback: defaults.maxLength, min: 1_000, integer: true }),
    fingerprint: functionOption((request: unknown) => sha256(toText(request, { sorted: true }))),
    codec: objectOption<AnswerCodec>(['encode', 'decode'], plainCodec),
    shouldKeep: functionOption(() => true),
    whenStoreFails: oneOfOption(['open', 'closed'], 'closed'),
  },
  create(frame) {
    const middleware = frame.intercept(method => {
      if (method?.kind !== undefined && method.kind !== 'unary')
        throw new TypeError(
          `idempotencyKey: ${method.service}/${method.name} streams, and a stream cannot be given again`,
        )
      const tell = (type: IdempotencyNote): void => frame.emit({ type, method })
      return {
        run(next, request, context) {
          const options = frame.current
          const key = keyOf(options.key, { policy: 'idempotencyKey', request, context })
          if (key === undefined) return next(request, context)
          return runOnce({ options, key, method, tell, next, request, context })
        },
      }
    })
    return { middleware, controls: {} }
  },
})

type Begun = Pick<
  ConstructorParameters<typeof IdempotentCall>[0],
  'next' | 'request' | 'context' | 'method' | 'tell'
> & {
  readonly options: Readonly<IdempotencyKeyOptions>
  readonly key: string
}

async function runOnce({ options, key, ...call }: Begun): Promise<Outcome> {
  const { method, request, context, next, tell } = call
  if (method === undefined) throw new TypeError('idempotencyKey: needs to know the method: fromPromise(run, method)')
  if (isStream(request)) throw new TypeError('idempotencyKey: a request stream cannot be told from another')
  const { ttlMs = defaults.ttlMs, leaseMs = defaults.leaseMs, pollMs = defaults.pollMs, codec = plainCodec } = options
  const { maxLength = defaults.maxLength, shouldKeep = () => true, store, fingerprint, whenRunning } = options
  const known = {
    name: `idempotency:${await scoped(options, key, { method, context })}`,
    fingerprint: text(await fingerprint?.(request), 'idempotencyKey: fingerprint must give a string'),
    waits: whenRunning === 'wait',
  }
  try {
    const settings = { store, codec, ttlMs, leaseMs, pollMs, maxLength, shouldKeep }
    return await new IdempotentCall({ ...call, ...settings, ...known }).run()
  } catch (cause) {
    if (!isStoreFailure(cause)) throw cause // a defect, and no reason to run again
    tell('store-failed')
    if (options.whenStoreFails === 'open') return next(request, context)
    return left(failureOf('unavailable', 'STORE_UNAVAILABLE', 'the key cannot be looked up now', { ran: 'no', cause }))
  }
}

/** The key as one of this principal and method, so long that nobody finds another's, and without telling either. */
function scoped(
  { principal }: IdempotencyKeyOptions,
  key: string,
  { method, context }: { readonly method: MethodInfo; readonly context: Context },
): Promise<string> {
  const who = principal === 'none' ? null : text(principal(context), 'idempotencyKey: principal must give a string')
  return sha256(JSON.stringify([who, method.service, method.name, key]))
}

function isStoreFailure(thrown: unknown): boolean {
  return thrown instanceof CallError && isFailure(thrown.failure) && thrown.failure.reason === 'STORE_UNAVAILABLE'
}
