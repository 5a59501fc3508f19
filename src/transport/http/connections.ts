// What a server knows of each of its connections: which calls came over it, whether a request is still arriving, and since when
// nothing has. Slow clients are looked for here, for all connections at once: a timer for each request would cost more than
// reading it.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, Failure } from '../../core/index.js'
import { failureOf } from '../../core/index.js'
import { refuse, requestTimeout } from './client-error.js'
import { hasBody } from './node-request.js'

/** Something that ends when its caller is gone. */
export interface Cancellable {
  cancel(failure: Failure): void
  /** Whether it only waits for its caller to take the answer. @defaultValue false */
  readonly isAnswered?: boolean
  /** From now on its answer says that it is the last on its connection. For those that others answer. */
  conclude?(): void
}

/** How long a server waits, in ms. */
export interface Patience {
  /** For a request to arrive, and for an answer to be taken at all. */
  readonly timeoutMs: number
  /** For the next request on a connection that had some. */
  readonly quietMs: number
}

/** Requests that may take as long as they like to arrive, known only to whoever answers them in the server's place. */
export const unhurried: WeakSet<IncomingMessage> = new WeakSet()

/** One connection, while it is open. */
export class Connection {
  readonly socket: Socket
  /**
   * The calls that came over it and go on: nearly always one at most. A Set for each request's call would be filled and emptied
   * so often that V8 replaces its table every few requests, and the old tables keep each other alive until the next full collection.
   */
  #call: Cancellable | undefined
  #more: Set<Cancellable> | undefined
  readonly #all: Connections
  /** Kept only while that matters: a clock read for each request costs. */
  #idleSince = Number.POSITIVE_INFINITY
  #message: IncomingMessage | undefined
  #target: ServerResponse | undefined
  /** Infinity until it is first looked at. */
  #readingSince = Number.POSITIVE_INFINITY
  #isWatched = false
  /** How many answers have ended, and how many there were when it was last looked at; with the bytes read, all that goes on. */
  #answers = 0
  #answersSeen = 0
  #bytesSeen = 0
  #quietSince = 0

  constructor(socket: Socket, all: Connections) {
    this.socket = socket
    this.#all = all
    this.rest()
  }

  /** How many calls that came over it go on. */
  get calls(): number {
    return (this.#call === undefined ? 0 : 1) + (this.#more?.size ?? 0)
  }

  began(call: Cancellable): void {
    if (this.#call === call || this.#more?.has(call) === true) return
    if (this.#call === undefined) this.#call = call
    else {
      this.#more ??= new Set()
      this.#more.add(call)
    }
  }

  ended(call: Cancellable, message: IncomingMessage, target: ServerResponse): void {
    if (this.#call === call) this.#call = undefined
    else this.#more?.delete(call)
    this.#answers++
    this.rest()
    if (!message.complete && hasBody(message)) this.expect(message, target)
    else if (this.#message === message) this.#forget()
  }

  /** From now on it may be idle. */
  rest(): void {
    this.#idleSince = this.#all.idleNow()
  }

  /** From now on `message` must arrive in time. Of a connection's requests only the last can be on its way. */
  expect(message: IncomingMessage, target: ServerResponse): void {
    if (this.#message === message) return
    this.#message = message
    this.#target = target
    this.#readingSince = Number.POSITIVE_INFINITY
  }

  /** What has arrived is let go at once: kept until the next request, it would survive a collection on every idle connection. */
  #forget(): void {
    this.#message = undefined
    this.#target = undefined
  }

  /** Ends what came over it: the caller is gone. */
  lost(): void {
    const failure = failureOf('cancelled', 'CANCELLED', 'the caller closed the connection')
    this.#call?.cancel(failure)
    for (const call of this.#more ?? []) call.cancel(failure)
  }

  /** Has what came over it say that its answers are the last. */
  conclude(): void {
    this.#call?.conclude?.()
    for (const call of this.#more ?? []) call.conclude?.()
  }

  /** Whether nothing has gone on for `idleMs`, and all that was answered has been taken. */
  isIdle(idleMs: number, now: number): boolean {
    return this.calls === 0 && this.socket.writableLength === 0 && now - this.#idleSince >= idleMs
  }

  /** Closes it where its request takes too long to arrive, its answer to be taken at all, or where it has long been quiet. */
  check({ timeoutMs, quietMs }: Patience, now: number): void {
    if (this.#isQuiet(now) && now - this.#quietSince >= quietMs) {
      this.socket.destroy()
      return
    }
    if (this.#message?.complete === true) this.#forget()
    if (this.#message !== undefined && !unhurried.has(this.#message)) {
      this.#readingSince = Math.min(this.#readingSince, now)
      if (now - this.#readingSince >= timeoutMs) this.#refuse()
    }
    // A stream may wait for its reader; the socket's own timer knows whether anything has been taken meanwhile.
    const isStuck = this.socket.writableLength > 0 && !this.#isBusy()
    if (isStuck === this.#isWatched) return
    this.#isWatched = isStuck
    if (isStuck) this.socket.setTimeout(timeoutMs)
    else if (this.socket.timeout === timeoutMs) this.socket.setTimeout(0)
  }

  /** Whether nothing has gone on since it was last looked at. One that never had an answer is waited for elsewhere. */
  #isQuiet(now: number): boolean {
    const { bytesRead, writableLength } = this.socket
    const isQuiet =
      this.calls === 0 &&
      this.#message === undefined &&
      writableLength === 0 &&
      this.#answers > 0 &&
      this.#answers === this.#answersSeen &&
      bytesRead === this.#bytesSeen
    if (isQuiet) return true
    this.#answersSeen = this.#answers
    this.#bytesSeen = bytesRead
    this.#quietSince = now
    return false
  }

  #isBusy(): boolean {
    if (this.#call !== undefined && this.#call.isAnswered !== true) return true
    for (const call of this.#more ?? []) if (call.isAnswered !== true) return true
    return false
  }

  #refuse(): void {
    if (this.calls <= 1 && this.#target?.headersSent === false) refuse(requestTimeout, this.socket)
    else this.socket.destroy() // what is under way to the caller cannot be mixed with a refusal
  }
}

/** The connections of a server. */
export class Connections {
  readonly #open: Map<Socket, Connection> = new Map()
  readonly #clock: Clock
  #watchesIdle = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#open.size
  }

  add(socket: Socket): void {
    const connection = new Connection(socket, this)
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

  /** Closes those whose callers are too slow, or have long been quiet. */
  check(patience: Patience): void {
    const now = this.#clock.now()
    for (const connection of this.#open.values()) connection.check(patience, now)
  }

  /** From now on it is known since when each is idle; those that are idle already count from now. */
  watchIdle(): void {
    this.#watchesIdle = true
    for (const connection of this.#open.values()) connection.rest()
  }

  /** Has the calls that others answer say that their answers are the last on their connections. */
  conclude(): void {
    for (const connection of this.#open.values()) connection.conclude()
  }

  /** The time from which a connection is idle that is now. */
  idleNow(): number {
    return this.#watchesIdle ? this.#clock.now() : Number.POSITIVE_INFINITY
  }

  /** Closes those on which nothing has gone on for `idleMs`. */
  closeIdle(idleMs: number): void {
    const now = this.#clock.now()
    for (const connection of this.#open.values()) if (connection.isIdle(idleMs, now)) connection.socket.destroy()
  }

  /** How many calls go on over them. */
  get calls(): number {
    let calls = 0
    for (const connection of this.#open.values()) calls += connection.calls
    return calls
  }

  /** Cuts all of them off; their calls have ended when this returns. */
  destroy(): void {
    for (const connection of this.#open.values()) {
      connection.lost()
      connection.socket.destroy()
    }
  }
}
