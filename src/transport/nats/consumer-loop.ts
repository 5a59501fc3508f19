// Asks a durable consumer for as many messages as can be handled now, and no more: what is not asked for stays in the stream.
import type { Listening, Runtime } from '../../contract/index.js'
import type { Timer } from '../../core/index.js'
import { bodyOf } from './body.js'
import type { NatsMessage, ReceivedHeaders } from './connection.js'
import type { ConsumerSettings } from './consumer-options.js'
import { Delivery, nakNow } from './delivery.js'
import { receivedMetadata } from './headers.js'
import { jetStreamRequest } from './jetstream-request.js'
import { fieldsOf } from './json-fields.js'
import type { Inbox, Line } from './line.js'

/** How long the server keeps a request for messages, in ms. */
const expiresMs = 5_000
/** How much later a request is taken for lost. */
const slackMs = 2_000
/** How long to wait where the server refuses: the consumer may have been deleted. */
const refusedMs = 1_000
const nanosPerMs = 1e6

export class ConsumerLoop implements Listening {
  readonly #line: Line
  readonly #runtime: Runtime
  readonly #settings: ConsumerSettings
  readonly #running: Set<Delivery> = new Set()
  #ackWaitMs = 30_000
  #inbox: Inbox | undefined
  /** Asked for, and not come yet. */
  #asked = 0
  #timer: Timer | undefined
  #isStopped = false
  #onIdle: (() => void) | undefined
  #unuse: (() => void) | undefined
  #unwatch: (() => void) | undefined

  constructor(line: Line, runtime: Runtime, settings: ConsumerSettings) {
    this.#line = line
    this.#runtime = runtime
    this.#settings = settings
  }

  get addresses(): readonly string[] {
    return [`nats://${this.#line.server}`]
  }

  get callsInFlight(): number {
    return this.#running.size
  }

  unready(): string | undefined {
    return this.#line.ending
  }

  async listen(): Promise<Listening> {
    this.#unuse = this.#line.use()
    const { stream, durable } = this.#settings
    try {
      const info = await jetStreamRequest(
        this.#line,
        { subject: `$JS.API.CONSUMER.INFO.${stream}.${durable}` },
        this.#runtime.clock,
      )
      const { ack_wait: ackWait, ack_policy: policy } = fieldsOf(fieldsOf(info)['config'])
      if (policy !== 'explicit')
        throw new Error(`nats: the consumer ${stream}/${durable} does not want acknowledgements`)
      if (typeof ackWait === 'number' && ackWait > 0) this.#ackWaitMs = ackWait / nanosPerMs
    } catch (thrown) {
      this.#unuse()
      throw thrown
    }
    this.#inbox = this.#line.inbox(message => this.#take(message))
    this.#unwatch = this.#line.watch({ onUp: () => this.#begin(), onClosed: this.#runtime.onDefect })
    this.#begin()
    return this
  }

  /** Also when the connection is back: what was asked for before that does not come any longer. */
  #begin(): void {
    this.#asked = 0
    this.#ask()
  }

  #ask(): void {
    const { maxConcurrent, stream, durable } = this.#settings
    const free = maxConcurrent - this.#running.size - this.#asked
    if (this.#isStopped || free < 1 || (this.#asked > 0 && free * 2 < maxConcurrent)) return // a few at a time
    const body = bodyOf(JSON.stringify({ batch: free, expires: expiresMs * nanosPerMs }))
    const unsent = this.#line.send(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`, body, {
      reply: this.#inbox?.subject ?? '',
    })
    if (unsent === undefined) this.#asked += free
    this.#timer?.cancel()
    this.#timer = this.#runtime.clock.setTimer(() => this.#begin(), expiresMs + slackMs) // the answer was lost
  }

  #take(message: NatsMessage): void {
    const { headers, reply = '' } = message
    if (!reply.startsWith('$JS.ACK.')) {
      if (headers !== undefined && headers.code >= 400) this.#refused(headers) // a heartbeat is 100
      return
    }
    this.#asked = Math.max(0, this.#asked - 1)
    if (this.#running.size >= this.#settings.maxConcurrent) {
      this.#line.send(reply, nakNow) // what was taken for lost came after all
      return
    }
    const delivery = new Delivery(message, {
      line: this.#line,
      runtime: this.#runtime,
      settings: this.#settings,
      everyMs: this.#ackWaitMs / 3,
    })
    this.#running.add(delivery)
    void delivery.run().then(() => {
      this.#running.delete(delivery)
      if (this.#running.size === 0) this.#onIdle?.()
      this.#ask()
    })
  }

  /** What was asked for has expired, or was refused. */
  #refused(headers: ReceivedHeaders): void {
    const left = receivedMetadata(headers, Number.POSITIVE_INFINITY)?.get('nats-pending-messages')
    this.#asked = left === undefined ? 0 : Math.max(0, this.#asked - Number(left))
    this.#timer?.cancel()
    const hasExpired = headers.code === 408 || headers.code === 404
    this.#timer = this.#runtime.clock.setTimer(() => this.#ask(), hasExpired ? 0 : refusedMs)
  }

  async drain(): Promise<void> {
    this.#isStopped = true
    this.#unwatch?.()
    this.#timer?.cancel()
    if (this.#line.isUp) await this.#inbox?.drain() // what was asked for may still come, and is handled
    await new Promise<void>(resolve => {
      this.#onIdle = resolve
      if (this.#running.size === 0) resolve()
    })
    if (this.#line.isUp) await this.#line.connection.flush().catch(() => {}) // the last acknowledgements
  }

  async close(): Promise<void> {
    this.#isStopped = true
    this.#asked = 0
    this.#timer?.cancel()
    this.#unwatch?.()
    for (const each of this.#running) each.cancel()
    this.#inbox?.close()
    this.#unuse?.()
  }
}
