// Many calls of one thing as one call of many: Hystrix's request collapser, Facebook's DataLoader. Turns an endpoint of batches into one
// of single requests, so it is a transform for one endpoint and not a middleware for all.

import { carriedOf } from '../core/context.js'
import {
  type Context,
  definePolicy,
  type Endpoint,
  type Failure,
  failureOf,
  functionOption,
  isEither,
  type Left,
  left,
  type MethodInfo,
  type Next,
  numberOption,
  type Outcome,
  onCancelled,
  type Policy,
  type PolicyEvent,
  type PolicyFrame,
  type PolicyOptions,
  type Right,
  right,
} from '../core/index.js'
import { Told } from '../core/receiver.js'
import { text } from './call-key.js'
import { sharedOutsideAuthentication } from './order-rules.js'
import { SharedRun } from './shared-run.js'
import { Window } from './window.js'

/** What a {@link collapse} tells. */
export type CollapseEvent = PolicyEvent & { readonly kind: 'collapse' } & (
    | {
        /** A batch was sent. */
        readonly type: 'collapsed'
        /** How many requests were in it. */
        readonly size: number
      }
    | {
        /** A call that needed another batch was refused. */
        readonly type: 'refused'
      }
  )

/** Options of {@link collapse}. */
export interface CollapseOptions<Req, Res, BatchReq, BatchRes> extends PolicyOptions<CollapseEvent> {
  /**
   * Which requests may share a batch. A batch is sent with the context of its first request, so without the principal in the key one
   * user's credentials fetch what belongs to another.
   */
  readonly key: (request: Req, context: Context) => string
  /** The request for a batch. Throwing fails all calls of the batch. */
  readonly toBatch: (requests: readonly Req[]) => BatchReq
  /** The responses from the batch's, one for each request and in their order; a `Left` fails that call alone. */
  readonly fromBatch: (response: BatchRes, requests: readonly Req[]) => readonly (Res | Left<Failure>)[]
  /** How long a batch waits for more requests after its first, in ms: 0 or more. @defaultValue 5 */
  readonly windowMs?: number
  /** The most requests in a batch: a full one is sent at once. @defaultValue 100 */
  readonly maxBatch?: number
  /** How many batches may wait and be under way at once, of all keys; a call that needs one more is refused. Whole, 1 or more. @defaultValue 10 000 */
  readonly maxBatches?: number
  /** How long a batch may take, its wait included, in ms, whoever waits; more than `windowMs`. @defaultValue 30 000 */
  readonly maxRunMs?: number
}

/** What can be seen of a {@link collapse}. */
export interface CollapseState {
  /** How many batches wait or are under way, and have somebody who waits for them. */
  readonly inFlight: number
}

/** What {@link collapse} makes: a transform with the controls of a policy. */
export interface Collapse<Req, Res, BatchReq, BatchRes>
  extends CollapseState,
    Pick<
      Policy<CollapseOptions<Req, Res, BatchReq, BatchRes>, CollapseEvent>,
      'policy' | 'options' | 'configure' | 'onEvent'
    > {
  <E, R extends Context>(next: Endpoint<BatchReq, BatchRes, E, R>): Endpoint<Req, Res, E, R>
}

/**
 * Collects the calls that come within `windowMs` and sends them as one. Each call gets its own response, or the batch's failure, and waits
 * no longer than its own deadline; a call that leaves before the batch is sent is not in it, and a batch that all have left is aborted. A
 * call that would need one batch more than `maxBatches` fails with `resource_exhausted`/`TOO_MANY_BATCHES`, `ran: 'no'`. Fails while
 * wrapping, with `TypeError`, for a method that streams.
 *
 * Belongs around the endpoint that takes batches, outside its `retry`, `breaker` and `timeout`; `cache` and what else is per request goes
 * outside it.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { callOrThrow, fromPromise } from 'tenon'
 * import { collapse } from 'tenon/middleware'
 *
 * const prices = fromPromise(async ({ skus }: { skus: readonly string[] }) => ({ prices: skus.map(sku => sku.length) }))
 * const price = collapse({
 *   key: () => 'all',
 *   toBatch: (requests: readonly { sku: string }[]) => ({ skus: requests.map(({ sku }) => sku) }),
 *   fromBatch: ({ prices }: { prices: readonly number[] }) => prices,
 * })(prices)
 * assert.deepEqual(await Promise.all([callOrThrow(price, { sku: 'tea' }), callOrThrow(price, { sku: 'table' })]), [3, 5])
 * ```
 */
export function collapse<Req, Res, BatchReq, BatchRes>(
  options: CollapseOptions<Req, Res, BatchReq, BatchRes>,
): Collapse<Req, Res, BatchReq, BatchRes> {
  // Its functions get the requests and responses of what it wraps.
  return collapsePolicy(options as unknown as AnyOptions) as unknown as Collapse<Req, Res, BatchReq, BatchRes>
}

type AnyOptions = CollapseOptions<unknown, unknown, unknown, unknown>

const defaults = { windowMs: 5, maxBatch: 100, maxBatches: 10_000, maxRunMs: 30_000 } as const

const collapsePolicy = definePolicy<AnyOptions, CollapseEvent, CollapseState>({
  kind: 'collapse',
  lint: [sharedOutsideAuthentication],
  rules: {
    key: functionOption(),
    toBatch: functionOption(),
    fromBatch: functionOption(),
    windowMs: numberOption({ fallback: defaults.windowMs, min: 0 }),
    maxBatch: numberOption({ fallback: defaults.maxBatch, min: 1, integer: true }),
    maxBatches: numberOption({ fallback: defaults.maxBatches, min: 1, integer: true }),
    maxRunMs: numberOption({ fallback: defaults.maxRunMs, above: 0 }),
  },
  wrongWith: ({ windowMs = defaults.windowMs, maxRunMs = defaults.maxRunMs }) =>
    maxRunMs <= windowMs ? `maxRunMs must be more than windowMs, got ${maxRunMs} and ${windowMs}` : undefined,
  create(frame) {
    let inFlight = 0
    const middleware = frame.intercept(method => {
      if (method?.kind !== undefined && method.kind !== 'unary')
        throw new TypeError(`collapse: ${method.service}/${method.name} streams, and calls cannot share a stream`)
      const open: Map<string, Batch> = new Map()
      return {
        run(next, request, context) {
          const options = frame.current
          const key = text(options.key(request, context), 'collapse: key must give a string')
          let batch = open.get(key)
          if (batch?.options !== options) {
            if (inFlight >= (options.maxBatches ?? defaults.maxBatches)) return refused(frame, method)
            inFlight++
            const onClose = (): void => {
              if (open.get(key) === batch) open.delete(key)
            }
            const onOver = (): void => {
              inFlight--
            }
            batch = new Batch({ options, frame, method, next, context, onClose, onOver })
            open.set(key, batch)
          }
          return batch.add(request, context)
        },
      }
    })
    const controls = {
      get inFlight() {
        return inFlight
      },
    }
    return { middleware, controls }
  },
})

function refused(frame: PolicyFrame<AnyOptions, CollapseEvent>, method: MethodInfo | undefined): Left<Failure> {
  frame.emit({ type: 'refused', method })
  return left(failureOf('resource_exhausted', 'TOO_MANY_BATCHES', 'as many batches wait and run as may', { ran: 'no' }))
}

interface Member {
  readonly request: unknown
  isGone: boolean
  /** Which of the requests that were sent is this one; set when the batch is. */
  index: number
}

interface Collected {
  readonly options: Readonly<AnyOptions>
  readonly frame: PolicyFrame<AnyOptions, CollapseEvent>
  readonly method: MethodInfo | undefined
  readonly next: Next
  readonly context: Context
  /** No more requests can be added. Called more than once. */
  onClose(): void
  /** It has its outcome, or nobody waits for it any more. Called once. */
  onOver(): void
}

/** Requests that become one. */
class Batch {
  readonly #collected: Collected
  /** Those of all its calls: one that begins with others begins a batch. */
  readonly options: Readonly<AnyOptions>
  readonly #members: Member[] = []
  readonly #window: Window
  readonly #run: SharedRun
  #requests: readonly unknown[] = []
  #responses: readonly unknown[] | undefined

  constructor(collected: Collected) {
    const { context, options, onClose, onOver } = collected
    this.#collected = collected
    this.options = options
    this.#window = new Window()
    const { maxRunMs = defaults.maxRunMs } = this.options
    this.#run = new SharedRun({
      context,
      maxRunMs,
      next: (_, own) => this.#send(own),
      request: undefined,
      onOver() {
        onClose()
        onOver()
      },
    })
    this.#run.start()
  }

  async add(request: unknown, context: Context): Promise<Outcome> {
    const member: Member = { request, isGone: false, index: -1 }
    this.#members.push(member)
    const unlink = onCancelled(context, () => {
      member.isGone = true
    })
    const told = new Told()
    const over = this.#run.join(context, told)
    if (this.#members.length >= (this.options.maxBatch ?? defaults.maxBatch)) this.#close()
    const outcome = over ?? (await told.promise())
    unlink()
    return outcome._tag === 'Left' ? outcome : this.#pick(outcome.right, member, context)
  }

  #close(): void {
    this.#collected.onClose()
    this.#window.close()
  }

  async #send(context: Context): Promise<Outcome> {
    const { windowMs = defaults.windowMs, toBatch } = this.options
    await this.#window.opened(context, windowMs)
    this.#close()
    const members = this.#members.filter(({ isGone }) => !isGone)
    if (members.length === 0) return left(failureOf('cancelled', 'CANCELLED', 'all who waited have left'))
    for (const [index, member] of members.entries()) member.index = index
    this.#requests = members.map(({ request }) => request)
    const { frame, method, next } = this.#collected
    frame.emit({ type: 'collapsed', size: members.length, method })
    return next(toBatch(this.#requests), context)
  }

  #pick(response: unknown, { index }: Member, context: Context): Outcome {
    try {
      this.#responses ??= this.options.fromBatch(response, this.#requests)
      if (this.#responses.length !== this.#requests.length) {
        const { length } = this.#responses
        throw new TypeError(`collapse: fromBatch gave ${length} responses for ${this.#requests.length} requests`)
      }
      const own = this.#responses[index]
      return isEither(own) ? (own as Outcome | Right<unknown>) : right(own) // a Left that fromBatch gave
    } catch (thrown) {
      return carriedOf(context).scope.caught(thrown)
    }
  }
}
