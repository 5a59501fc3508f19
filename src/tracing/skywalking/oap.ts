// SkyWalking's collector (OAP) over HTTP: segments, and that this process is there, which it wants to hear each minute.
import type { Clock, Timer } from '../../core/index.js'
import type { Exporter, Origin } from '../index.js'
import { type KeyStringValuePair, segmentObject } from './segment.js'
import type { Segment } from './segments.js'

export interface OapSettings {
  /** Without a slash at its end. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly keepAliveMs: number
  readonly timeoutMs: number
  readonly clock: Clock
}

/** How often, in signs of life, the properties of the process are sent again: the collector may have forgotten them. */
const propertiesEach = 10

export class Oap implements Exporter<Segment> {
  readonly name = 'skywalking'
  readonly #settings: OapSettings
  #origin: Origin | undefined
  #signs = 0
  #timer: Timer | undefined
  /** The request that is under way; there is never another. Never rejects. */
  #request: Promise<unknown> = Promise.resolve()
  readonly #closing: AbortController = new AbortController()

  constructor(settings: OapSettings) {
    this.#settings = settings
  }

  start(origin: Origin): void {
    this.#origin = origin
    this.#signLater(0)
  }

  async export(segments: readonly Segment[], signal: AbortSignal): Promise<void> {
    const origin = this.#origin
    if (origin === undefined) throw new TypeError('skywalking: has no tracer yet')
    const objects = segments.map(({ spans, isSizeLimited }) => segmentObject(spans, origin, isSizeLimited))
    await this.#inTurn(() => this.#post('/v3/segments', objects, signal))
  }

  async close(): Promise<void> {
    this.#timer?.cancel()
    this.#closing.abort(new Error('closed'))
    await this.#request
  }

  #signLater(afterMs: number): void {
    const { clock } = this.#settings
    this.#timer = clock.setTimer(async () => {
      await this.#sign()
      if (!this.#closing.signal.aborted) this.#signLater(this.#settings.keepAliveMs)
    }, afterMs)
    this.#timer.keepAlive(false)
  }

  /** A sign of life. One that does not arrive is no loss: the next one follows. */
  async #sign(): Promise<void> {
    const { clock, timeoutMs } = this.#settings
    const controller = new AbortController()
    const stop = (): void => controller.abort(this.#closing.signal.reason)
    const timer = clock.setTimer(() => controller.abort(new Error('no answer')), timeoutMs)
    timer.keepAlive(false)
    this.#closing.signal.addEventListener('abort', stop)
    const { signal } = controller
    try {
      if (this.#signs % propertiesEach === 0)
        await this.#inTurn(() => this.#post('/v3/management/reportProperties', this.#properties(), signal))
      await this.#inTurn(() => this.#post('/v3/management/keepAlive', this.#instance(), signal))
      this.#signs++
    } catch {
      this.#signs = 0 // whoever was away may have forgotten all
    } finally {
      timer.cancel()
      this.#closing.signal.removeEventListener('abort', stop)
    }
  }

  #instance(): Readonly<Record<string, unknown>> {
    return { service: this.#origin?.service, serviceInstance: this.#origin?.instance }
  }

  #properties(): Readonly<Record<string, unknown>> {
    const { attributes = {} } = this.#origin ?? {}
    const properties: KeyStringValuePair[] = [{ key: 'language', value: 'NodeJS' }]
    for (const [key, value] of Object.entries(attributes)) properties.push({ key, value: String(value) })
    return { ...this.#instance(), properties }
  }

  /** One request after the other. */
  #inTurn(send: () => Promise<void>): Promise<void> {
    const sent = this.#request.then(send)
    this.#request = sent.catch(() => {})
    return sent
  }

  async #post(path: string, body: unknown, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { url, headers } = this.#settings
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'manual',
      signal,
    })
    await response.body?.cancel() // nobody reads what it says, however long that is
    if (!response.ok) throw new Error(`${path} was answered with ${response.status}`)
  }
}
