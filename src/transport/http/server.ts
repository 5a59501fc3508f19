// The server on node:http, with limits that hold against slow, silent and endless clients, and a way to stop that loses no
// request.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net'
import type { AnyService, Listening, Runtime, ServerBinding } from '../../contract/index.js'
import { type Failure, failureOf, type Timer } from '../../core/index.js'
import { notRun } from '../wire-headers.js'
import { refuse, requestTimeout } from './client-error.js'
import { Exchanges } from './exchange.js'
import type { HttpResponse } from './message.js'
import { NodeRequest } from './node-request.js'
import { probe } from './probe.js'
import { plainWire, problemResponse } from './problem.js'
import { send } from './send.js'

/** Options of {@link server}. */
export interface HttpServerOptions {
  /** The TCP port; 0 for any that is free. */
  readonly port: number
  /** The address to listen on; `0.0.0.0` or `::` for all. @defaultValue '127.0.0.1' */
  readonly host?: string
  /** The most bytes of a request body, counted unpacked; of a stream, of one item. @defaultValue 1 MiB */
  readonly maxBodyBytes?: number
  /** The longest deadline that a caller may ask for, in ms. @defaultValue 300 000; an hour for streams */
  readonly maxDeadlineMs?: number
  /** How long the headers of a request may take, in ms. @defaultValue 10 000 */
  readonly headersTimeoutMs?: number
  /** How long a whole request may take to arrive, in ms. @defaultValue 30 000 */
  readonly requestTimeoutMs?: number
  /** How long an idle connection is kept, in ms: longer than its clients keep it. @defaultValue 65 000 */
  readonly keepAliveTimeoutMs?: number
  /** The most headers of a request. Above: 431. @defaultValue 100 */
  readonly maxHeaders?: number
  /** The most connections at once; more are closed as they come. @defaultValue 10 000 */
  readonly maxConnections?: number
  /**
   * While draining: how long a connection must have been idle before it is closed, in ms. A request that is on its way to a
   * connection just closed is lost, and nobody can tell whether it ran. @defaultValue 5 000: longer than our client keeps one
   */
  readonly lingerMs?: number
  /** Whether `/livez` and `/readyz` answer here. @defaultValue true */
  readonly probes?: boolean
}

/** How often slow clients are looked for, in ms. */
const checkIntervalMs = 1000
/** How often a draining server looks for idle connections, in ms. */
const sweepMs = 50

/** A server of contracts over HTTP, for `serve`. */
export function server(options: HttpServerOptions): ServerBinding {
  const { port } = options
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new RangeError(`http: port must be from 0 to 65535, got ${port}`)
  return { name: 'http', listen: (services, runtime) => new HttpServer(services, runtime, options).listen() }
}

interface Connection {
  /** Ends the calls that came over this connection. */
  readonly calls: Set<(failure: Failure) => void>
  idleSince: number
  /** Since when a request that must arrive whole is on its way. */
  readingSince: number | undefined
}

class HttpServer implements Listening {
  readonly #server: Server
  readonly #exchanges: Exchanges
  readonly #runtime: Runtime
  readonly #options: HttpServerOptions
  readonly #maxBodyBytes: number
  readonly #connections: Map<Socket, Connection> = new Map()
  #draining: Promise<void> | undefined
  #address: string | undefined
  #timer: Timer | undefined

  constructor(services: readonly AnyService[], runtime: Runtime, options: HttpServerOptions) {
    const { maxBodyBytes = 1 << 20, maxDeadlineMs = 300_000, headersTimeoutMs = 10_000 } = options
    this.#options = options
    this.#runtime = runtime
    this.#maxBodyBytes = maxBodyBytes
    this.#exchanges = new Exchanges(services, runtime, { maxBodyBytes, maxDeadlineMs })
    this.#server = createServer(
      {
        headersTimeout: headersTimeoutMs,
        requestTimeout: 0, // request streams may take longer; see `#lookOut`
        connectionsCheckingInterval: checkIntervalMs,
        keepAliveTimeout: options.keepAliveTimeoutMs ?? 65_000,
        noDelay: true,
      },
      (request, response) => this.#serve(request, response),
    )
    this.#server.maxHeadersCount = 0 // node drops what is above; we refuse it
    this.#server.maxConnections = options.maxConnections ?? 10_000
    this.#server.on('connection', socket => this.#connected(socket))
    this.#server.on('clientError', refuse)
  }

  get addresses(): readonly string[] {
    return this.#address === undefined ? [] : [this.#address]
  }

  listen(): Promise<Listening> {
    const { port, host = '127.0.0.1' } = this.#options
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ port, host }, () => {
        this.#server.off('error', reject)
        this.#server.on('error', this.#runtime.onDefect)
        this.#lookOut()
        const bound = this.#server.address() as AddressInfo // it listens on TCP
        this.#address = `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
        resolve(this)
      })
    })
  }

  #connected(socket: Socket): void {
    const connection: Connection = { calls: new Set(), idleSince: this.#runtime.clock.now(), readingSince: undefined }
    this.#connections.set(socket, connection)
    socket.on('close', () => {
      this.#connections.delete(socket)
      const failure = failureOf('cancelled', 'CANCELLED', 'the caller closed the connection')
      for (const cancel of connection.calls) cancel(failure)
    })
  }

  #serve(message: IncomingMessage, target: ServerResponse): void {
    const { maxHeaders = 100, probes = true } = this.#options
    if (message.rawHeaders.length > 2 * maxHeaders) {
      void this.#send(message, target, tooManyHeaders(maxHeaders))
      return
    }
    const request = new NodeRequest(message)
    const report = probes ? probe(request, this.#runtime.probes) : undefined
    if (report !== undefined) {
      void report.then(response => this.#send(message, target, response))
      return
    }
    const { response, whole, cancel } = this.#exchanges.begin(request)
    const connection = this.#connections.get(message.socket)
    if (connection !== undefined) connection.idleSince = this.#runtime.clock.now()
    if (!(response instanceof Promise)) {
      void this.#send(message, target, response)
      return
    }
    connection?.calls.add(cancel)
    if (connection !== undefined && whole && !message.complete) connection.readingSince ??= connection.idleSince
    void response.then(async ready => {
      if (connection !== undefined) connection.readingSince = undefined
      const sending = this.#send(message, target, ready)
      if (sending !== undefined) await sending
      if (connection === undefined) return
      connection.calls.delete(cancel)
      connection.idleSince = this.#runtime.clock.now()
    })
  }

  #send(message: IncomingMessage, target: ServerResponse, response: HttpResponse): Promise<void> | undefined {
    return send(message, target, response, {
      last: this.#draining !== undefined,
      maxDiscardedBytes: this.#maxBodyBytes,
    })
  }

  /** Refuses requests that take too long to arrive. A timer for each would cost more than reading them. */
  #lookOut(): void {
    const { requestTimeoutMs = 30_000 } = this.#options
    const { clock } = this.#runtime
    const before = clock.now() - requestTimeoutMs
    for (const [socket, { readingSince }] of this.#connections) {
      if (readingSince !== undefined && readingSince <= before) refuse(requestTimeout, socket)
    }
    this.#timer = clock.setTimer(() => this.#lookOut(), checkIntervalMs)
    this.#timer.keepAlive(false)
  }

  drain(): Promise<void> {
    this.#draining ??= new Promise(resolve => {
      // Not http.Server's own close: that cuts idle connections at once, and with them the requests on their way.
      NetServer.prototype.close.call(this.#server, () => {
        this.#server.close() // stops node's look-out for slow headers
        this.#timer?.cancel()
        resolve()
      })
      this.#sweep()
    })
    return this.#draining
  }

  #sweep(): void {
    const { lingerMs = 5000 } = this.#options
    const { clock } = this.#runtime
    for (const [socket, connection] of this.#connections) {
      if (connection.calls.size === 0 && clock.now() - connection.idleSince >= lingerMs) socket.destroy()
    }
    if (this.#connections.size > 0) clock.setTimer(() => this.#sweep(), sweepMs)
  }

  async close(): Promise<void> {
    const drained = this.drain()
    for (const socket of this.#connections.keys()) socket.destroy()
    await drained
  }
}

function tooManyHeaders(most: number): HttpResponse {
  return {
    ...problemResponse(
      plainWire(notRun('resource_exhausted', 'HEADERS_TOO_LARGE', `there are more than ${most} headers`)),
    ),
    close: true,
  }
}
