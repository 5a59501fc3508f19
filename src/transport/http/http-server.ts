// The server on node:http, with limits that hold against slow, silent and endless clients, and a way to stop that loses no
// request.
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http'
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net'
import { setImmediate } from 'node:timers' // the global one may be a test's
import type { AnyService, Listening, Runtime } from '../../contract/index.js'
import type { Timer } from '../../core/index.js'
import { notRun } from '../wire-headers.js'
import { Arrivals } from './arrivals.js'
import { ArrivingMessage } from './arriving-message.js'
import { type Exchange, over } from './begun-call.js'
import { refuse } from './client-error.js'
import { Compression } from './compression.js'
import { type Connection, Connections } from './connections.js'
import type { Cors } from './cors.js'
import { Exchanges } from './exchange.js'
import { type App, HandedOver } from './handed-over.js'
import type { HttpResponse } from './message.js'
import { Mounts } from './mounts.js'
import { NodeRequest } from './node-request.js'
import { writeInOne } from './one-write.js'
import { type Pages, page } from './pages.js'
import { probe } from './probe.js'
import { problemResponse } from './problem.js'
import { type SendOptions, send } from './send.js'
import type { Settings } from './server-options.js'
import { Handshakes, securedServer } from './tls.js'

/** How often a draining server looks for idle connections, in ms. */
const sweepMs = 50
/** How long a connection is silent before TCP asks whether its peer still exists, in ms. */
const tcpKeepAliveMs = 60_000

/** How much longer than we say a quiet connection is kept, in ms: a request may be on its way. */
const keepAliveSlackMs = 1000

/** How often a draining server looks for connections that wait to be accepted; the system lets 511 wait. */
const maxAcceptRounds = 1024

/** A request that is being answered, and where. */
interface Asked {
  readonly connection: Connection
  readonly exchange: Exchange
  readonly request: NodeRequest
  readonly message: IncomingMessage
  readonly target: ServerResponse
}

/** A server that listens, or is about to. */
export class HttpServer implements Listening {
  readonly #server: Server
  readonly #exchanges: Exchanges
  readonly #runtime: Runtime
  readonly #settings: Settings
  readonly #connections: Connections
  readonly #arrivals: Arrivals
  readonly #pages: Pages | undefined
  readonly #compression: Compression | undefined
  readonly #cors: Cors | undefined
  readonly #handedOver: HandedOver | undefined
  readonly #mounts: Mounts | undefined
  #drained: Promise<void> | undefined
  #sending: SendOptions
  readonly #handshakes: Handshakes = new Handshakes()
  /** Quiet connections are looked for here: node:http sets a timer after each answer. Undone for an app, whose answers it sends. */
  readonly #keepsQuiet: boolean
  #isDrained = false
  #isClosed = false
  #accepted = 0
  #address: string | undefined
  #timer: Timer | undefined

  /** With an `app`, that answers in our place, for the services as well. */
  constructor(services: readonly AnyService[], runtime: Runtime, settings: Settings, app?: App) {
    const { maxBodyBytes, maxDeadlineMs, tagOf } = settings
    const mostBytes = mostBytesOf(services, maxBodyBytes)
    this.#settings = settings
    this.#runtime = runtime
    this.#pages = settings.docs?.pagesOf(services, '')
    this.#compression = settings.compression === undefined ? undefined : new Compression(settings.compression)
    this.#keepsQuiet = app === undefined
    const keepAlive = this.#keepsQuiet ? `timeout=${Math.floor(settings.keepAliveTimeoutMs / 1000)}` : undefined
    this.#sending = { last: false, maxDiscardedBytes: maxBodyBytes, shared: false, keepAlive }
    this.#cors = settings.corsFor?.(runtime.onDefect)
    this.#exchanges = new Exchanges(services, runtime, { maxBodyBytes, maxDeadlineMs, tagOf, cors: this.#cors })
    this.#connections = new Connections(runtime.clock)
    this.#arrivals = new Arrivals((message, target) => this.#serve(message, target), runtime.clock)
    this.#mounts = settings.mount === undefined ? undefined : new Mounts(settings.mount, services, runtime.onDefect)
    this.#handedOver = app === undefined ? undefined : new HandedOver(app)
    this.#server = this.#create({
      IncomingMessage: ArrivingMessage,
      headersTimeout: settings.headersTimeoutMs,
      requestTimeout: 0, // request streams may take longer; see `#lookOut`
      connectionsCheckingInterval: settings.checkIntervalMs,
      keepAliveTimeout: this.#keepsQuiet ? 0 : settings.keepAliveTimeoutMs,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: tcpKeepAliveMs,
    })
    Object.assign(this.#server, { httpAllowHalfOpen: true }) // see `#halfClosed`; its types do not know of it
    this.#server.maxHeadersCount = 0 // node drops what is above; we refuse it
    this.#server.maxConnections = settings.maxConnections
    this.#server.on('clientError', (error, socket) => this.#broken(error, socket as Socket)) // node:http's own are sockets
    this.#server.on('checkContinue', (message, target) => {
      // Who would send too much is told before; what is too much for an app, only that knows.
      if (app !== undefined || !(Number(message.headers['content-length']) > mostBytes)) target.writeContinue()
      this.#arrivals.add(message, target)
    })
  }

  #create(options: ServerOptions): Server {
    const serve = (message: IncomingMessage, target: ServerResponse): void => this.#arrivals.add(message, target)
    const { identity } = this.#settings
    const connected = (socket: Socket): void => this.#connected(socket)
    const server =
      identity === undefined
        ? createServer(options, serve).on('connection', connected)
        : securedServer(identity, options, serve, {
            handshakes: this.#handshakes,
            connected,
            onDefect: this.#runtime.onDefect,
          })
    return server.on('connection', () => {
      this.#accepted++
    })
  }

  get callsInFlight(): number {
    return this.#connections.calls + this.#arrivals.size
  }

  get addresses(): readonly string[] {
    return this.#address === undefined ? [] : [this.#address]
  }

  listen(): Promise<Listening> {
    const { port, host } = this.#settings
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ port, host }, () => {
        this.#server.off('error', reject)
        this.#server.on('error', this.#runtime.onDefect)
        this.#lookOut()
        const bound = this.#server.address() as AddressInfo // it listens on TCP
        this.#address = `${this.#settings.identity === undefined ? 'http' : 'https'}://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
        resolve(this)
      })
    })
  }

  #connected(socket: Socket): void {
    void socket.remoteAddress // read now: node forgets it when the socket closes, and `context.peer` may be read then
    if (this.#isClosed) socket.destroy()
    else {
      writeInOne(socket)
      this.#connections.add(socket)
      socket.allowHalfOpen = true // of TCP it is
      socket.on('end', () => this.#halfClosed(socket))
    }
  }

  /** Its caller sends no more: what came before is answered if that can be done at once, and the rest ends. Node itself would not wait. */
  #halfClosed(socket: Socket): void {
    this.#arrivals.serve()
    setImmediate(() => socket.end())
  }

  #broken(error: NodeJS.ErrnoException, socket: Socket): void {
    this.#arrivals.serve() // with those that came before it
    const connection = this.#connections.of(socket)
    if (connection === undefined && this.#settings.identity !== undefined) this.#handshakes.failed(error, socket)
    else if (connection !== undefined && connection.calls > 0)
      socket.destroy() // their answers would be mixed with the refusal
    else refuse(error, socket)
  }

  #serve(message: IncomingMessage, target: ServerResponse): void {
    const connection = this.#connections.of(message.socket)
    if (connection === undefined || connection.socket.destroyed) return // closed while it waited
    const request = new NodeRequest(message, this.#settings.throughProxies)
    const exchange = this.#begin(message, request)
    if (exchange === undefined) {
      const elsewhere = this.#mounts?.at(request.url) ?? this.#handedOver
      elsewhere?.serve(connection, message, target)
      return
    }
    if (exchange.response === undefined) {
      connection.began(exchange)
      if (exchange.whole && request.hasBody) connection.expect(message, target)
    }
    const asked: Asked = { connection, exchange, request, message, target }
    exchange.onResponse(response => this.#answer(asked, response))
  }

  #answer(asked: Asked, response: HttpResponse): void {
    const packed = this.#compression === undefined ? response : this.#compression.of(asked.request, response)
    if (packed instanceof Promise) {
      asked.connection.began(asked.exchange)
      void packed.then(ready => this.#send(asked, ready))
    } else this.#send(asked, packed)
  }

  #send({ connection, exchange, request, message, target }: Asked, response: HttpResponse): void {
    const dressed = this.#cors === undefined ? response : this.#cors.dressed(request, response)
    const sending = send(message, target, dressed, this.#sending)
    if (sending === undefined) connection.ended(exchange, message, target)
    else {
      connection.began(exchange)
      void sending.then(() => connection.ended(exchange, message, target))
    }
  }

  /** Undefined for what the app answers, or what is mounted. */
  #begin(message: IncomingMessage, request: NodeRequest): Exchange | undefined {
    const { maxHeaders, probes } = this.#settings
    if (message.rawHeaders.length > 2 * maxHeaders) return over(tooManyHeaders(maxHeaders))
    const report = (probes ? probe(request, this.#runtime.probes) : undefined) ?? page(this.#pages, request)
    if (report !== undefined) return over(report)
    if (this.#mounts?.at(request.url) !== undefined) return undefined
    return this.#handedOver === undefined ? this.#exchanges.begin(request) : undefined
  }

  #lookOut(): void {
    const { requestTimeoutMs, checkIntervalMs, keepAliveTimeoutMs } = this.#settings
    const quietMs = this.#keepsQuiet ? keepAliveTimeoutMs + keepAliveSlackMs : Number.POSITIVE_INFINITY
    this.#connections.check({ timeoutMs: requestTimeoutMs, quietMs })
    this.#timer = this.#runtime.clock.setTimer(() => this.#lookOut(), checkIntervalMs)
    this.#timer.keepAlive(false)
  }

  drain(): Promise<void> {
    this.#drained ??= new Promise(resolve => {
      this.#acceptAll(0, () => {
        this.#sending = { ...this.#sending, last: true }
        this.#handedOver?.drain()
        this.#mounts?.drain()
        this.#connections.conclude()
        this.#connections.watchIdle()
        // Not http.Server's own close: that cuts idle connections at once, and with them the requests on their way.
        NetServer.prototype.close.call(this.#server, () => {
          this.#server.close() // stops node's look-out for slow headers
          this.#timer?.cancel()
          this.#isDrained = true
          resolve()
        })
        this.#sweep()
      })
    })
    return this.#drained
  }

  /**
   * Connections that wait to be accepted are lost with the listening socket. The event loop accepts one each time around, so
   * `done` comes when it has gone around without any; and only then are connections told to close, for their callers to meet a
   * closed port.
   */
  #acceptAll(round: number, done: () => void): void {
    const before = this.#accepted
    setImmediate(() => {
      if ((round > 0 && this.#accepted === before) || round >= maxAcceptRounds) done()
      else this.#acceptAll(round + 1, done)
    })
  }

  #sweep(): void {
    this.#arrivals.serve() // their connections look idle
    this.#connections.closeIdle(this.#settings.lingerMs)
    if (!this.#isDrained) this.#runtime.clock.setTimer(() => this.#sweep(), sweepMs)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const drained = this.drain()
    this.#handshakes.destroy()
    this.#connections.destroy()
    await drained
  }
}

function tooManyHeaders(most: number): HttpResponse {
  const message = `there are more than ${most} headers`
  return problemResponse(notRun('resource_exhausted', 'HEADERS_TOO_LARGE', message))
}

/** The most that any method takes of a body: before the path is known, no less can be refused. */
function mostBytesOf(services: readonly AnyService[], maxBodyBytes: number): number {
  const specs = services.flatMap(({ contract }) => [...contract.specs.values()])
  return specs.reduce((most, { http, request }) => {
    const isEndless = request.streamed && http.body !== undefined
    return Math.max(most, isEndless ? Number.POSITIVE_INFINITY : (http.maxBodyBytes ?? 0))
  }, maxBodyBytes)
}
