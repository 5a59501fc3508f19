// What a server knows of each of its connections: which calls came over it, whether a request is still arriving, and since when
// nothing has. Slow clients are looked for here, for all connections at once: a timer for each request would cost more than
// reading it.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, Failure } from '../../core/index.js'
import { failureOf } from '../../core/index.js'
import { refuse, requestTimeout } from './client-error.js'

/** Something that ends when its caller is gone. */
export interface Cancellable {
  cancel(failure: Failure): void
}

/** One connection, while it is open. */
export class Connection {
  /** The calls that came over it and go on. */
  readonly calls: Set<Cancellable> = new Set()
  readonly socket: Socket
  /** When a request last began or ended; before the first, when the connection came. */
  idleSince: number
  #message: IncomingMessage | undefined
  #target: ServerResponse | undefined
  #readingSince = 0
  #isWatched = false

  constructor(socket: Socket, now: number) {
    this.socket = socket
    this.idleSince = now
  }

  /** From now on `message` must arrive in time. Of a connection's requests only the last can be on its way. */
  expect(message: IncomingMessage, target: ServerResponse, now: number): void {
    if (this.#message === message) return
    this.#message = message
    this.#target = target
    this.#readingSince = now
  }

  /** Ends what came over it: the caller is gone. */
  lost(): void {
    const failure = failureOf('cancelled', 'CANCELLED', 'the caller closed the connection')
    for (const call of this.calls) call.cancel(failure)
  }

  /** Nothing is going on, and all that was answered has been taken. */
  isIdle(): boolean {
    return this.calls.size === 0 && this.socket.writableLength === 0
  }

  /** Closes it where its request takes longer than `timeoutMs` to arrive, or its answer as long without being taken at all. */
  check(timeoutMs: number, now: number): void {
    if (this.#message?.complete === true) this.#message = undefined
    if (this.#message !== undefined && now - this.#readingSince >= timeoutMs) {
      if (this.calls.size <= 1 && this.#target?.headersSent === false) refuse(requestTimeout, this.socket)
      else this.socket.destroy() // what is under way to the caller cannot be mixed with a refusal
    }
    // A stream may wait for its reader; the socket's own timer knows whether anything has been taken meanwhile.
    const isStuck = this.calls.size === 0 && this.socket.writableLength > 0
    if (isStuck === this.#isWatched) return
    this.#isWatched = isStuck
    if (isStuck) this.socket.setTimeout(timeoutMs)
    else if (this.socket.timeout === timeoutMs) this.socket.setTimeout(0)
  }
}

/** The connections of a server. */
export class Connections {
  readonly #open: Map<Socket, Connection> = new Map()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#open.size
  }

  add(socket: Socket): void {
    const connection = new Connection(socket, this.#clock.now())
    this.#open.set(socket, connection)
    socket.on('close', () => {
      this.#open.delete(socket)
      connection.lost()
    })
  }

  /** Undefined for one that is closed. */
  of(socket: Socket): Connection | undefined {
    return this.#open.get(socket)
  }

  /** Closes those whose callers are too slow. */
  check(timeoutMs: number): void {
    const now = this.#clock.now()
    for (const connection of this.#open.values()) connection.check(timeoutMs, now)
  }

  /** Closes those on which nothing has gone on for `idleMs`. */
  closeIdle(idleMs: number): void {
    const now = this.#clock.now()
    for (const connection of this.#open.values()) {
      if (connection.isIdle() && now - connection.idleSince >= idleMs) connection.socket.destroy()
    }
  }

  /** Cuts all of them off; their calls have ended when this returns. */
  destroy(): void {
    for (const connection of this.#open.values()) {
      connection.lost()
      connection.socket.destroy()
    }
  }
}
