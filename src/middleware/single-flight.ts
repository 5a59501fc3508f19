// Calls for the same thing at the same time become one: what keeps a cache that has just expired from sending everybody to the
// database at once. After Go's golang.org/x/sync/singleflight, which ends for all with the context of the first.
import {
  type Context,
  definePolicy,
  functionOption,
  type MethodInfo,
  numberOption,
  type Policy,
  type PolicyEvent,
  type PolicyOptions,
} from '../core/index.js'
import { sharedOutsideAuthentication } from './order-rules.js'
import { SharedRun } from './shared-run.js'

/** What a {@link singleFlight} tells. */
export interface SingleFlightEvent extends PolicyEvent {
  readonly kind: 'singleFlight'
  /** A call waits for a run that another one has begun. */
  readonly type: 'joined'
}

/** Options of {@link singleFlight}. */
export interface SingleFlightOptions<Req = unknown> extends PolicyOptions<SingleFlightEvent> {
  /**
   * What makes two calls the same; `undefined` lets a call run alone. Has to hold everything that the answer depends on: without the
   * principal in it, one user gets the answer of another.
   */
  readonly key: (request: Req, context: Context) => string | undefined
  /** How long a shared run may take, in ms, whoever waits; more than 0. @defaultValue 30 000 */
  readonly maxRunMs?: number
  /** How many different runs may be shared at once; above, calls run alone. @defaultValue 10 000 */
  readonly maxKeys?: number
}

/** What {@link singleFlight} makes. */
export interface SingleFlight<Req = unknown> extends Policy<SingleFlightOptions<Req>, SingleFlightEvent> {
  /** How many runs are shared now. */
  readonly inFlight: number
}

/**
 * Lets calls with the same key that come while one of them runs wait for its outcome, success or failure. Each waits no longer than
 * its own deadline; the run is aborted when all have left. All get the same object as response: do not change it. Methods that
 * stream pass through, since a stream iterates once.
 *
 * Belongs inside `cache` and outside `retry` and `timeout`: one run with its attempts for all.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { call, fromPromise } from 'tenon'
 * import { singleFlight } from 'tenon/middleware'
 *
 * let runs = 0
 * const price = singleFlight<{ sku: string }>({ key: ({ sku }) => sku })(fromPromise(async (_: { sku: string }) => ++runs))
 * await Promise.all([call(price, { sku: 'tea' }), call(price, { sku: 'tea' }), call(price, { sku: 'saw' })])
 * assert.equal(runs, 2)
 * ```
 */
export function singleFlight<Req = unknown>(options: SingleFlightOptions<Req>): SingleFlight<Req> {
  return singleFlightPolicy(options as SingleFlightOptions) as unknown as SingleFlight<Req> // `key` gets the requests of what it wraps
}

const singleFlightPolicy = definePolicy<SingleFlightOptions, SingleFlightEvent, Pick<SingleFlight, 'inFlight'>>({
  kind: 'singleFlight',
  lint: [sharedOutsideAuthentication],
  rules: {
    key: functionOption(),
    maxRunMs: numberOption({ fallback: 30_000, above: 0 }),
    maxKeys: numberOption({ fallback: 10_000, min: 1, integer: true }),
  },
  create(frame) {
    let inFlight = 0
    const middleware = frame.intercept(method => {
      const runs: Map<string, SharedRun> = new Map()
      return {
        run(next, request, context) {
          const { key, maxRunMs = 30_000, maxKeys = 10_000 } = frame.current
          const name = streams(method) ? undefined : key(request, context)
          if (name === undefined) return next(request, context)
          const going = runs.get(name)
          if (going !== undefined) {
            frame.emit({ type: 'joined', method })
            return going.join(context)
          }
          if (inFlight >= maxKeys) return next(request, context)
          inFlight++
          const onOver = (): void => {
            inFlight--
            runs.delete(name)
          }
          const run = new SharedRun({ context, maxRunMs, next, request, onOver })
          runs.set(name, run)
          run.start()
          return run.join(context)
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

function streams(method: MethodInfo | undefined): boolean {
  return method?.kind !== undefined && method.kind !== 'unary'
}
