// Rate, errors and duration of each method (Tom Wilkie's RED method), which is what one alerts on. Who has to act for a failure is a
// label, since an alert on failures that callers have to mend wakes the wrong people.
import {
  around,
  type Blame,
  blame,
  type Clock,
  type DomainFailure,
  type Failure,
  isFailure,
  type MethodInfo,
  type Middleware,
  type Remote,
} from '../core/index.js'
import type { Counter, Gauge, Histogram, Labelled, MetricProvider } from '../metrics/index.js'
import { LoopDelay } from './loop-delay.js'

/** Options of {@link metrics}. */
export interface MetricsOptions {
  /**
   * Whether the calls are those that a server received, or those that a client makes. @defaultValue what the endpoint is: a client's
   * that is called, and not served, is `client`
   */
  readonly side?: 'server' | 'client'
  /** Upper bounds of the durations, in seconds, rising. @defaultValue 13 bounds from 1 ms to 10 s */
  readonly buckets?: readonly number[]
}

/**
 * Counts each call when it ends (a stream: when it ended, failed or was abandoned) and changes nothing about it:
 *
 * - `tenon_server_calls_total{method, transport, code, blame}`: `method` is `service/method`, `transport` what the call came in by. `code`
 *   is `ok`, a failure's code, or `rejected` for a domain failure; `blame` is who has to act, `none` where nothing failed;
 * - `tenon_server_call_duration_seconds{method, transport, code}`: a histogram, on the call's clock;
 * - `tenon_server_calls_in_flight{method, transport}`: calls that have begun and not ended;
 * - `tenon_event_loop_delay_seconds`: how late timers are, measured while calls come.
 *
 * Around a client's endpoints the names begin with `tenon_client_`. Use it as often as you like with one provider: all count into the same
 * series. Throws as `provider` does, and `TypeError` for an option that is none.
 *
 * Belongs outermost, where it sees what limiters and breakers refuse; inside `retry` it counts each attempt.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { call, fromPromise } from 'tenon'
 * import { metricRegistry } from 'tenon/metrics'
 * import { metrics } from 'tenon/middleware'
 *
 * const registry = metricRegistry()
 * const get = metrics(registry)(
 *   fromPromise(async () => 'done', { service: 'shop.v1.Orders', name: 'get', idempotency: 'safe' }),
 * )
 * await call(get, {})
 * const calls = registry.families.find(({ name }) => name === 'tenon_server_calls_total')
 * assert.deepEqual(calls?.read(), [
 *   { labels: { method: 'shop.v1.Orders/get', transport: 'none', code: 'ok', blame: 'none' }, value: 1 },
 * ])
 * ```
 */
export function metrics(provider: MetricProvider, options: MetricsOptions = {}): Middleware {
  if (typeof provider?.counter !== 'function') throw new TypeError('metrics: needs a metricRegistry')
  const { side: given, buckets, ...rest } = options
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw new TypeError(`metrics: there is no option '${unknown}'`)
  if (given !== undefined && given !== 'server' && given !== 'client')
    throw new RangeError(`metrics: side must be 'server' or 'client', got '${String(given)}'`)
  const sides = {
    server: instrumentsOf('server', provider, buckets),
    client: instrumentsOf('client', provider, buckets),
  }
  const loopDelay = new LoopDelay(delayOf(provider))
  return around<Begun>((method, remote) => {
    const series = new MethodSeries({ method, remote, side: given, sides })
    return {
      name: 'metrics',
      enter(context) {
        const { clock } = context
        loopDelay.called(clock)
        const own = series.of(context.transport)
        own.inFlight.add(1)
        return new Begun(own, clock)
      },
      exit(outcome, { series, startedAt, clock }: Begun) {
        const now = clock.now()
        series.inFlight.add(-1)
        const { calls, duration } = outcome._tag === 'Right' ? series.ok : series.failed(outcome.left)
        calls.add(1)
        duration.observe((now - startedAt) / 1_000)
      },
    }
  })
}

/** A call that has begun. What `enter` gives and its state are one object: there is one for each call. */
class Begun {
  readonly series: TransportSeries
  readonly clock: Clock
  readonly startedAt: number
  readonly state: Begun

  constructor(series: TransportSeries, clock: Clock) {
    this.series = series
    this.clock = clock
    this.startedAt = clock.now()
    this.state = this
  }
}

type Side = 'server' | 'client'

interface Instruments {
  readonly calls: Labelled<'method' | 'transport' | 'code' | 'blame', Counter>
  readonly duration: Labelled<'method' | 'transport' | 'code', Histogram>
  readonly inFlight: Labelled<'method' | 'transport', Gauge>
}

function instrumentsOf(side: Side, provider: MetricProvider, buckets: readonly number[] | undefined): Instruments {
  const what = side === 'server' ? 'received' : 'made'
  return {
    calls: provider.counter({
      name: `tenon_${side}_calls_total`,
      help: `Calls ${what} that have ended, by how.`,
      labels: ['method', 'transport', 'code', 'blame'],
    }),
    duration: provider.histogram({
      name: `tenon_${side}_call_duration_seconds`,
      help: `How long calls ${what} took.`,
      labels: ['method', 'transport', 'code'],
      ...(buckets !== undefined && { buckets }),
    }),
    inFlight: provider.gauge({
      name: `tenon_${side}_calls_in_flight`,
      help: `Calls ${what} that have not ended.`,
      labels: ['method', 'transport'],
    }),
  }
}

function delayOf(provider: MetricProvider): (delayMs: number) => void {
  const help = 'How late timers are, while calls come and a second longer.'
  const gauge = provider.gauge({ name: 'tenon_event_loop_delay_seconds', help })
  return delayMs => gauge.set(delayMs / 1_000)
}

interface Of {
  readonly method: MethodInfo | undefined
  readonly remote: Remote | undefined
  readonly side: Side | undefined
  readonly sides: Readonly<Record<Side, Instruments>>
}

/** The series of one method, bound when first needed: how a call came in, only the call knows. */
class MethodSeries {
  readonly #of: Of
  readonly #byTransport: Map<string | undefined, TransportSeries> = new Map()
  #last: TransportSeries | undefined
  #lastTransport: string | undefined

  constructor(of: Of) {
    this.#of = of
  }

  of(transport: string | undefined): TransportSeries {
    if (this.#last !== undefined && this.#lastTransport === transport) return this.#last
    let series = this.#byTransport.get(transport)
    if (series === undefined) {
      series = this.#bound(transport)
      this.#byTransport.set(transport, series)
    }
    this.#last = series
    this.#lastTransport = transport
    return series
  }

  #bound(received: string | undefined): TransportSeries {
    const { method, remote, sides } = this.#of
    const side = this.#of.side ?? (received === undefined && remote !== undefined ? 'client' : 'server')
    const transport = (side === 'client' ? remote?.transport : received) ?? 'none'
    const name = method === undefined ? 'unknown' : `${method.service}/${method.name}`
    return new TransportSeries(sides[side], name, transport)
  }
}

interface Ended {
  readonly calls: Counter
  readonly duration: Histogram
}

/** The series of one method and transport. */
class TransportSeries {
  readonly inFlight: Gauge
  readonly ok: Ended
  readonly #instruments: Instruments
  readonly #labels: { readonly method: string; readonly transport: string }
  /** Of 17 codes and 3 to blame. */
  readonly #failed: Map<string, Map<Blame, Ended>> = new Map()

  constructor(instruments: Instruments, method: string, transport: string) {
    this.#instruments = instruments
    this.#labels = { method, transport }
    this.inFlight = instruments.inFlight.with(this.#labels)
    this.ok = this.#bound('ok', 'none')
  }

  failed(failure: Failure | DomainFailure): Ended {
    const code = isFailure(failure) ? failure.code : 'rejected'
    const to = blame(failure)
    let byBlame = this.#failed.get(code)
    if (byBlame === undefined) {
      byBlame = new Map()
      this.#failed.set(code, byBlame)
    }
    let ended = byBlame.get(to)
    if (ended === undefined) {
      ended = this.#bound(code, to)
      byBlame.set(to, ended)
    }
    return ended
  }

  #bound(code: string, to: Blame | 'none'): Ended {
    return {
      calls: this.#instruments.calls.with({ ...this.#labels, code, blame: to }),
      duration: this.#instruments.duration.with({ ...this.#labels, code }),
    }
  }
}
