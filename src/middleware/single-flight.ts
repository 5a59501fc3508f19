// Calls for the same thing at the same time become one: what keeps a cache that has just expired from sending everybody to the
// database at once. After Go's golang.org/x/sync/singleflight, which ends for all with the context of the first.
import {
  type Context,
  definePolicy,
  type Entered,
  type Failure,
  functionOption,
  type Left,
  type MethodInfo,
  type Next,
  numberOption,
  type Outcome,
  type Policy,
  type PolicyEvent,
  type PolicyOptions,
} from '../core/index.js'
import { answeredBefore, answeredLater, receiverOf } from '../core/layer.js'
import { checkedKey } from './call-key.js'
import { sharedOutsideAuthentication } from './order-rules.js'
import { SharedRun, type SharedWork } from './shared-run.js'

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
    const onOver = (): void => {
      inFlight--
    }
    const middleware = frame.around(method => {
      const flights = new Flights(onOver)
      return {
        enter(context, request, inner) {
          const { key, maxRunMs = 30_000, maxKeys = 10_000 } = frame.current
          const name = streams(method) ? undefined : checkedKey('singleFlight', key(request, context))
          if (name === undefined) return undefined
          let run = flights.find(name)
          if (run !== undefined) frame.emit({ type: 'joined', method })
          else if (inFlight >= maxKeys) return undefined
          else {
            inFlight++
            run = flights.begin(name, { context, maxRunMs, next: inner.next, request })
          }
          const outcome = run.join(context, receiverOf(inner))
          return outcome === undefined ? answeredLater : answered(outcome)
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

function answered(outcome: Outcome): Entered<never> {
  return outcome._tag === 'Right' ? answeredBefore(outcome) : (outcome as Left<Failure>) // what the endpoint's types allow
}

/** The runs of one method that go on. */
class Flights {
  readonly #onOver: () => void
  // Apart from the others: where calls come one at a time it is the only one, and a map that is emptied each time is made anew each time.
  #newest: Flight | undefined
  readonly #others: Map<string, Flight> = new Map()

  constructor(onOver: () => void) {
    this.#onOver = onOver
  }

  find(key: string): SharedRun | undefined {
    const flight = this.#newest?.key === key ? this.#newest : this.#others.get(key)
    return flight?.run
  }

  begin(key: string, work: Work): SharedRun {
    const flight = new Flight(this, key, work)
    if (this.#newest !== undefined) this.#others.set(this.#newest.key, this.#newest)
    this.#newest = flight
    flight.run.start()
    return flight.run
  }

  end(flight: Flight): void {
    if (this.#newest === flight) this.#newest = undefined
    else this.#others.delete(flight.key)
    this.#onOver()
  }
}

type Work = Omit<SharedWork, 'onOver'>

/** One run, and its key. */
class Flight implements SharedWork {
  readonly key: string
  readonly context: Context
  readonly maxRunMs: number
  readonly next: Next
  readonly request: unknown
  readonly run: SharedRun
  readonly #flights: Flights

  constructor(flights: Flights, key: string, { context, maxRunMs, next, request }: Work) {
    this.#flights = flights
    this.key = key
    this.context = context
    this.maxRunMs = maxRunMs
    this.next = next
    this.request = request
    this.run = new SharedRun(this)
  }

  onOver(): void {
    this.#flights.end(this)
  }
}
