// The server on grpc-js: our sockets in, our calls out, and HTTP/2 between them theirs.
import type { AddressInfo, Socket } from 'node:net'
import {
  type ConnectionInjector,
  Server as GrpcJsServer,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js'
import type { AnyService, Listening, Runtime } from '../../contract/index.js'
import { failureOf } from '../../core/index.js'
import { LinkedCalls } from '../linked-calls.js'
import { Connections } from './connections.js'
import type { Route } from './route.js'
import { type Routes, routesOf } from './routes.js'
import { ServerCall, type ServerCallInit } from './server-call.js'
import type { Settings } from './server-options.js'
import { mendTimeouts } from './timeout.js'

/** How long a connection that was asked whether its peer exists waits for the answer, in ms. */
const keepaliveTimeoutMs = 20_000

/** What grpc-js' own handlers get of a call that is ours: nothing ever happens to it. */
const inert: ServerInterceptingCallInterface = {
  start: () => {},
  sendMetadata: () => {},
  sendMessage: () => {},
  sendStatus: () => {},
  startRead: () => {},
  getPeer: () => 'unknown',
  getDeadline: () => Number.POSITIVE_INFINITY,
  getHost: () => '',
  getAuthContext: () => ({}),
  getConnectionInfo: () => ({}),
  getMetricsRecorder: () => {
    throw new TypeError('grpc: there is no recorder of metrics')
  },
}

const stopped = failureOf('unavailable', 'CONNECTION_LOST', 'the server was closed')

/** A server that listens, or is about to. */
export class GrpcServer implements Listening {
  readonly #settings: Settings
  readonly #routes: Routes
  readonly #server: GrpcJsServer
  readonly #injector: ConnectionInjector
  readonly #connections: Connections
  readonly #calls: LinkedCalls<ServerCall> = new LinkedCalls()
  #address: string | undefined
  #drained: Promise<void> | undefined
  #isClosed = false

  constructor(services: readonly AnyService[], runtime: Runtime, settings: Settings) {
    this.#settings = settings
    this.#routes = routesOf(services, runtime, settings)
    const { clock, onDefect } = runtime
    this.#connections = new Connections({
      maxConnections: settings.maxConnections,
      identity: settings.identity,
      onDefect,
      connected: socket => this.#connected(socket),
    })
    const init: ServerCallInit = {
      clock,
      onDefect,
      maxMessageBytes: settings.maxMessageBytes,
      peerOf: call => this.#connections.peerOf(call.getConnectionInfo(), call.getHost()),
      began: call => this.#calls.add(call),
      ended: call => this.#calls.delete(call),
    }
    this.#server = this.#create(init)
    // TLS, where there is any, has ended at our sockets.
    this.#injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure())
    mendTimeouts(this.#server)
  }

  #create(init: ServerCallInit): GrpcJsServer {
    const { maxMessageBytes, maxCallsPerConnection, keepaliveMs, idleTimeoutMs, maxConnectionAgeMs } = this.#settings
    const noCall = new ServerInterceptingCall(inert)
    const take: ServerInterceptor = ({ path }, call) => {
      const route = this.#routes.byPath.get(path) as Route // grpc-js knows no other paths
      new ServerCall(route, call, init)
      return noCall
    }
    const server = new GrpcJsServer({
      interceptors: [take],
      'grpc.max_receive_message_length': maxMessageBytes,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': maxCallsPerConnection,
      'grpc.keepalive_time_ms': keepaliveMs,
      'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
      'grpc.max_connection_idle_ms': idleTimeoutMs,
      ...(maxConnectionAgeMs !== undefined && { 'grpc.max_connection_age_ms': maxConnectionAgeMs }),
      'grpc.enable_channelz': 0,
    })
    const same = <T>(bytes: T): T => bytes
    for (const { path, requestStreamed, responseStreamed } of this.#routes.byPath.values()) {
      const kind = requestStreamed
        ? responseStreamed
          ? 'bidi'
          : 'clientStream'
        : responseStreamed
          ? 'serverStream'
          : 'unary'
      server.register<Buffer, Buffer>(path, () => {}, same, same, kind)
    }
    return server
  }

  get callsInFlight(): number {
    return this.#calls.size
  }

  get addresses(): readonly string[] {
    return this.#address === undefined ? [] : [this.#address]
  }

  listen(): Promise<Listening> {
    const { port, host, identity } = this.#settings
    const { server } = this.#connections
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port, host }, () => {
        server.off('error', reject)
        const bound = server.address() as AddressInfo // it listens on TCP
        const name = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address
        this.#address = `${identity === undefined ? 'grpc' : 'grpcs'}://${name}:${bound.port}`
        resolve(this)
      })
    })
  }

  #connected(socket: Socket): void {
    if (this.#isClosed) socket.destroy()
    else this.#injector.injectConnection(socket)
  }

  drain(): Promise<void> {
    this.#drained ??= new Promise(resolve => {
      this.#routes.health?.stop()
      this.#connections.server.close(() => resolve())
      this.#server.tryShutdown(() => {}) // sends GOAWAY; connections close as their calls end
    })
    return this.#drained
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const drained = this.drain()
    for (const call of this.#calls.all()) call.cancel(stopped)
    this.#connections.destroy()
    await drained
  }
}
