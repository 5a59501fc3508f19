// A connection as all clients and servers on it share it: one inbox for every answer, and what becomes of the connection. The
// libraries' own `request` makes promises, timers and a stack trace for each call; here a call is an entry in a map.
import { observe } from '../../core/call-error.js'
import { type Failure, failureOf, reportDefect } from '../../core/index.js'
import type { NatsConnection, NatsMessage, NatsSubscribeOptions, NatsSubscription } from './connection.js'
import type { SentHeaders } from './headers.js'

/** Whoever waits for messages to an inbox's token. */
export interface Receiver {
  /** May not throw. */
  onMessage(message: NatsMessage): void
  /** The connection broke: nothing more comes. May not throw. */
  onLost(cause: string): void
}

/** A subject that messages come to. */
export interface Inbox {
  readonly subject: string
  /** No new messages; resolves when those on their way have come. Never rejects. */
  drain(): Promise<void>
  close(): void
}

/** Whoever wants to know what becomes of a connection. Neither may throw. */
export interface Watcher {
  /** It is back. */
  readonly onUp?: () => void
  /** It was closed for good, as nobody who listens on it wants. */
  readonly onClosed?: (why: Error) => void
}

/** What is sent beside a message. */
export interface Sent {
  readonly reply?: string
  readonly headers?: SentHeaders
}

/** What the last part of our reply subjects begins with. Other makers' have letters and digits there. */
export const ownToken = '~'

/** What NATS servers take at most, unless they say otherwise. */
const usualMaxPayload = 1 << 20

/** What is thrown into a library's reader ends it, and with it everything on the connection. */
function safely(take: (message: NatsMessage) => void): NonNullable<NatsSubscribeOptions['callback']> {
  return (error, message) => {
    if (error === null) observe(take, message)
    else reportDefect(error) // the user may not subscribe
  }
}

function newInbox(prefix: string): string {
  return `${prefix}.${crypto.randomUUID().replaceAll('-', '')}`
}

const lines = new WeakMap<NatsConnection, Map<string, Line>>()

/** The line of a connection, whose inboxes begin with `inboxPrefix`. */
export function lineOf(connection: NatsConnection, inboxPrefix: string): Line {
  let known = lines.get(connection)
  if (known === undefined) {
    known = new Map()
    lines.set(connection, known)
  }
  let line = known.get(inboxPrefix)
  if (line === undefined) {
    line = new Line(connection, inboxPrefix)
    known.set(inboxPrefix, line)
  }
  return line
}

export class Line {
  readonly connection: NatsConnection
  /** As it was when the line was made: `127.0.0.1:4222`. */
  readonly server: string
  readonly #prefix: string
  readonly #inbox: string
  /** What all reply subjects begin with. */
  readonly #replies: string
  readonly #receivers: Map<string, Receiver> = new Map()
  readonly #watchers: Set<Watcher> = new Set()
  #subscription: NatsSubscription | undefined
  #users = 0
  #lastToken = 0
  #state: 'up' | 'down' | 'closed'
  #maxPayload: number

  constructor(connection: NatsConnection, inboxPrefix: string) {
    this.connection = connection
    this.server = connection.getServer()
    this.#prefix = inboxPrefix
    this.#inbox = newInbox(inboxPrefix)
    this.#replies = `${this.#inbox}.${ownToken}`
    this.#state = connection.isClosed() ? 'closed' : connection.info === undefined ? 'down' : 'up'
    this.#maxPayload = connection.info?.max_payload ?? usualMaxPayload
    this.#watch().catch(() => {}) // it ends with the connection, whose `closed` says so
    const closed = (): void => this.#lost('closed', 'was closed')
    connection.closed().then(closed, closed)
  }

  get isUp(): boolean {
    return this.#state === 'up'
  }

  /** Why nothing comes on it ever again, as readiness says; undefined unless it was closed for good. */
  get ending(): string | undefined {
    return this.#state === 'closed' ? 'its connection was closed for good' : undefined
  }

  /** Listens to the inbox until what it returns is called. Throws where the connection is closed. */
  use(): () => void {
    if (this.#users++ === 0) {
      const callback = safely(message => this.#take(message))
      try {
        this.#subscription = this.connection.subscribe(`${this.#inbox}.*`, { callback })
      } catch (thrown) {
        this.#users--
        throw thrown
      }
    }
    let isUsed = true
    return () => {
      if (!isUsed) return
      isUsed = false
      if (--this.#users > 0) return
      if (!this.connection.isClosed()) this.#subscription?.unsubscribe()
      this.#subscription = undefined
    }
  }

  /**
   * An inbox of its own, until it is closed: for messages that a stream delivers, which keep the subject they were stored under. Throws
   * where the connection is closed. `take` may not throw.
   */
  inbox(take: (message: NatsMessage) => void): Inbox {
    const subject = newInbox(this.#prefix)
    const subscription = this.connection.subscribe(subject, { callback: safely(take) })
    return {
      subject,
      drain: () => subscription.drain().catch(() => {}), // rejects where it has ended with its connection
      close: () => {
        if (!this.connection.isClosed()) subscription.unsubscribe()
      },
    }
  }

  /** Tells `watcher` what becomes of the connection, until what it returns is called. */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher)
    return () => {
      this.#watchers.delete(watcher)
    }
  }

  /** The subject that leads to `receiver`, until it is given to {@link release}. */
  register(receiver: Receiver): string {
    const token = (++this.#lastToken).toString(36)
    this.#receivers.set(token, receiver)
    return `${this.#replies}${token}`
  }

  /** Has what `subject` leads to taken by another receiver. */
  replace(subject: string, receiver: Receiver): void {
    this.#receivers.set(this.#tokenOf(subject), receiver)
  }

  release(subject: string): void {
    this.#receivers.delete(this.#tokenOf(subject))
  }

  #tokenOf(subject: string): string {
    return subject.slice(this.#replies.length)
  }

  #take(message: NatsMessage): void {
    this.#receivers.get(this.#tokenOf(message.subject))?.onMessage(message)
  }

  /** Sends a message, or says why it was not sent: nothing ran. */
  send(subject: string, body: Uint8Array, sent: Sent = {}): Failure | undefined {
    const { connection } = this
    if (this.#state !== 'up' || connection.isDraining()) return this.#unsent(`the connection to ${this.server} is down`)
    const bytes = body.length + (sent.headers?.encode().length ?? 0)
    const most = connection.info?.max_payload ?? this.#maxPayload
    if (bytes > most) {
      const message = `a message of ${bytes} bytes is over the ${most} that the NATS server takes`
      return failureOf('resource_exhausted', 'BODY_TOO_LARGE', message, { ran: 'no' })
    }
    try {
      connection.publish(subject, body, sent)
      return undefined
    } catch (cause) {
      return this.#unsent(`nothing can be sent to ${this.server}`, cause)
    }
  }

  /** Resolves when the broker has taken all that was sent, or can take nothing. Never rejects. */
  async taken(): Promise<void> {
    try {
      await this.connection.flush()
    } catch {
      // it broke: whoever sends is told by `onLost`
    }
  }

  #unsent(message: string, cause?: unknown): Failure {
    return failureOf('unavailable', 'CONNECTION_FAILED', message, { ran: 'no', ...(cause !== undefined && { cause }) })
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.connection.status()) {
      if (type === 'disconnect') this.#lost('down', 'broke')
      else if (type === 'reconnect' && this.#state === 'down') {
        this.#state = 'up'
        this.#maxPayload = this.connection.info?.max_payload ?? this.#maxPayload
        for (const each of this.#watchers) each.onUp?.()
      }
    }
  }

  #lost(state: 'down' | 'closed', what: string): void {
    if (state === 'closed' && this.#state !== 'closed') {
      const why = new Error(
        `nats: the connection to ${this.server} was closed for good: nothing is served on it any longer`,
      )
      for (const each of this.#watchers) each.onClosed?.(why)
    }
    if (this.#state !== 'closed') this.#state = state
    const receivers = [...this.#receivers.values()]
    this.#receivers.clear()
    for (const receiver of receivers) receiver.onLost(`the connection to ${this.server} ${what}`)
  }
}
