// The services on a connection, as their callers share them.
import { type Failure, failureOf } from '../../core/index.js'
import type { NatsConnection } from './connection.js'
import { limit, windowIn } from './limit.js'
import { type Line, lineOf } from './line.js'

/** Options of `client`, and of `endpoint`. */
export interface NatsClientOptions {
  /** The most calls going on at once; above, calls fail with `TOO_MANY_CALLS`, `ran: 'no'`. @defaultValue 1024 */
  readonly maxCalls?: number
  /** The most of one stream that is on its way or waits here to be read, in bytes; the sender waits. 1 KiB to 16 MiB. @defaultValue 256 KiB */
  readonly windowBytes?: number
  /**
   * How often a stream gives a sign of life, in ms; one of which nothing is heard three times as long is `STREAM_BROKEN`. Keep it within a
   * factor of two of the server's. @defaultValue 5 000
   */
  readonly heartbeatMs?: number
  /** What inboxes begin with, as on the connection: a user may be allowed no other. @defaultValue '_INBOX' */
  readonly inboxPrefix?: string
}

/** What can be called on a connection. */
export class Remote {
  readonly line: Line
  readonly peer: string
  /** The most of one stream that waits here to be read, as credit counts it. */
  readonly windowBytes: number
  /** How often either end of a stream gives a sign of life, in ms. */
  readonly heartbeatMs: number
  /** Going on now. */
  calls = 0
  /** Given up, while it is not known yet by whom they are worked on. */
  abandoned = 0
  #onIdle: (() => void) | undefined
  readonly #maxCalls: number
  #unuse: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor(connection: NatsConnection, options: NatsClientOptions) {
    this.#maxCalls = limit('maxCalls', options.maxCalls ?? 1024)
    this.windowBytes = windowIn(options.windowBytes)
    this.heartbeatMs = limit('heartbeatMs', options.heartbeatMs ?? 5000)
    this.line = lineOf(connection, options.inboxPrefix ?? '_INBOX')
    this.peer = this.line.server
  }

  /** Why no further call can be made; undefined where one can. */
  refusal(): Failure | undefined {
    if (this.#closing !== undefined)
      return failureOf('unavailable', 'CLIENT_CLOSED', `the client of ${this.peer} is closed`, { ran: 'no' })
    if (this.calls >= this.#maxCalls)
      return failureOf('resource_exhausted', 'TOO_MANY_CALLS', `${this.#maxCalls} calls are going on`, { ran: 'no' })
    try {
      this.#unuse ??= this.line.use()
      return undefined
    } catch (cause) {
      const message = `the connection to ${this.peer} is closed`
      return failureOf('unavailable', 'CONNECTION_FAILED', message, { ran: 'no', cause })
    }
  }

  /** Called when a call has ended, of either kind. */
  left(): void {
    if (this.calls === 0 && this.abandoned === 0) this.#onIdle?.()
  }

  /** Waits for calls that go on, and for those that were given up until their servers know. */
  close(): Promise<void> {
    this.#closing ??= new Promise<void>(resolve => {
      this.#onIdle = resolve
      this.left()
    }).then(() => this.#unuse?.())
    return this.#closing
  }
}
