// Metrics for Prometheus, through prom-client: its registry makes the page, so that what a program counts with prom-client itself, and
// what Node tells of memory and garbage, is on it too.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { register as defaultRegister } from 'prom-client'
import { defectsTo } from '../../core/call-error.js'
import { type Clock, type OnDefect, systemClock } from '../../core/index.js'
import type { MetricFamily } from '../family.js'
import type { MetricRegistry } from '../metric-registry.js'
import { acceptedFormat } from './accepted-format.js'
import { metricOf } from './family-metric.js'
import { type AnyRegistry, contentTypes, type PageFormat, pageOf } from './page.js'

/** Options of {@link prometheus}. */
export interface PrometheusOptions {
  /** The registry of prom-client that our instruments join. @defaultValue prom-client's own, `register` */
  readonly register?: AnyRegistry
  /**
   * Whether readers get OpenMetrics who ask for it, as Prometheus does. It ends the names of all counters in `_total`, and so renames
   * those that have not got it. @defaultValue true
   */
  readonly openMetrics?: boolean
  /** Told what went wrong where a page could not be made: `collect` of somebody's metric threw. @defaultValue one report on stderr */
  readonly onDefect?: OnDefect
  /** For the 10 s that a page may take. @defaultValue systemClock */
  readonly clock?: Clock
}

/** A listener for node:http, a `mount` of `http.server`, or a handler for Express. Made by {@link prometheus}. */
export interface PrometheusPage {
  (request: Pick<IncomingMessage, 'method' | 'headers'>, response: ServerResponse): void
  /** The page by itself, for servers of another kind. Rejects where it cannot be made. @defaultValue 'text' */
  page(format?: PageFormat): Promise<{ readonly contentType: string; readonly body: string }>
  /** Takes our instruments from prom-client's registry. */
  close(): void
}

/**
 * Makes the page of metrics: prom-client's registry with our instruments in it, as text or as OpenMetrics, whichever the reader asks
 * for. Readers that ask at the same time get the same page. A page that cannot be made within 10 s is 500, and the server goes on.
 *
 * Throws `TypeError` where prom-client has a metric of the name of one of ours; an instrument that is described later throws the same.
 * Needs the package `prom-client`, 15 or newer. Anybody who reaches the page can read it.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { metricRegistry } from 'tenon/metrics'
 * import { prometheus } from 'tenon/metrics/prometheus'
 *
 * const registry = metricRegistry()
 * registry.counter({ name: 'shop_orders_total', help: 'Orders placed.' }).add()
 * const metrics = prometheus(registry) // http.server({ mount: { '/metrics': metrics } })
 * assert.match((await metrics.page()).body, /^shop_orders_total 1$/m)
 * metrics.close()
 * ```
 */
export function prometheus(registry: MetricRegistry, options: PrometheusOptions = {}): PrometheusPage {
  if (typeof registry?.attach !== 'function') throw new TypeError('prometheus: needs a metricRegistry')
  const { register = defaultRegister, openMetrics = true, onDefect: given, clock = systemClock, ...rest } = options
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw new TypeError(`prometheus: there is no option '${unknown}'`)
  const onDefect = defectsTo(given)
  const leave = join(registry, register)
  const pages = new Pages(register, clock)
  const listener = (request: Pick<IncomingMessage, 'method' | 'headers'>, response: ServerResponse): void => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD', 'content-length': 0 }).end()
      return
    }
    const format = openMetrics ? acceptedFormat(request.headers.accept) : 'text'
    pages.body(format).then(
      body => {
        const headers = {
          'content-type': contentTypes[format],
          'content-length': Buffer.byteLength(body),
          vary: 'accept',
        }
        response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : body)
      },
      thrown => {
        onDefect(thrown)
        response.writeHead(500, { 'content-type': 'text/plain' }).end('the metrics cannot be read\n')
      },
    )
  }
  return Object.assign(listener, {
    page: async (format: PageFormat = 'text') => ({
      contentType: contentTypes[format],
      body: await pages.body(format),
    }),
    close: leave,
  })
}

/** Puts all instruments into prom-client's registry, and each new one; all or none. Returns what takes them out. */
function join(registry: MetricRegistry, register: AnyRegistry): () => void {
  const joined: string[] = []
  const family = (each: MetricFamily): void => {
    if (register.getSingleMetric(each.name) !== undefined)
      throw new TypeError(`prometheus: prom-client has a metric ${each.name} already`)
    register.registerMetric(metricOf(each))
    joined.push(each.name)
  }
  const takeOut = (): void => {
    for (const name of joined.splice(0)) register.removeSingleMetric(name)
  }
  try {
    const detach = registry.attach({ family })
    return () => {
      detach()
      takeOut()
    }
  } catch (thrown) {
    takeOut()
    throw thrown
  }
}

/** Prometheus waits no longer, unless told otherwise. */
const patienceMs = 10_000

/** Pages in the making: one of each format at a time, however many readers there are. */
class Pages {
  readonly #register: AnyRegistry
  readonly #clock: Clock
  readonly #making: Map<PageFormat, Promise<string>> = new Map()

  constructor(register: AnyRegistry, clock: Clock) {
    this.#register = register
    this.#clock = clock
  }

  body(format: PageFormat): Promise<string> {
    let making = this.#making.get(format)
    if (making === undefined) {
      making = this.#make(format).finally(() => this.#making.delete(format))
      this.#making.set(format, making)
    }
    return making
  }

  /** Somebody's `collect` may never end: its readers must not be kept for ever, and the next one may be luckier. */
  #make(format: PageFormat): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(() => reject(new Error('metrics took more than 10 s to collect')), patienceMs)
      timer.keepAlive(false)
      const done = (): void => timer.cancel()
      pageOf(this.#register, format).finally(done).then(resolve, reject)
    })
  }
}
