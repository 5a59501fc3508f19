/** What a server over gRPC allows of connections, a client of calls, and how each notices that the other is gone or packs what it sends. */
import { once } from 'node:events'
import http2 from 'node:http2'
import { type AddressInfo, connect as connectTcp, type Server, type Socket } from 'node:net'
import { gunzipSync, inflateSync } from 'node:zlib'
import { call, callOrThrow, connect, contract, implement, method } from 'tenon'
import { type Running, serve } from 'tenon/lifecycle'
import * as grpc from 'tenon/transport/grpc'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { framed, message, session } from './hostile-calls.js'

const Text = z.object({ text: z.string() })
const Echo = contract('test.v1.Echo', {
  echo: method({ request: Text, response: Text, idempotency: 'safe' }),
  hold: method({ request: Text, response: Text, idempotency: 'safe' }),
})

/** Calls of `hold` stay until they are let go. */
class Held {
  #arrived: () => void = () => {}
  #release: () => void = () => {}
  readonly arrived: Promise<void> = new Promise(resolve => {
    this.#arrived = resolve
  })
  readonly #released: Promise<void> = new Promise(resolve => {
    this.#release = resolve
  })

  async stay<T>(value: T): Promise<T> {
    this.#arrived()
    await this.#released
    return value
  }

  release(): void {
    this.#release()
  }
}

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function serving(options: Partial<grpc.GrpcServerOptions>) {
  const held = new Held()
  const echo = implement(Echo).handlers({ echo: request => request, hold: request => held.stay(request) })
  const running: Running = await serve([echo], [grpc.server({ port: 0, ...options })], { signals: false })
  closing.push(() => running.close())
  const address = running.addresses[0] ?? ''
  return { held, address, port: Number(new URL(address.replace('grpc', 'http')).port) }
}

function opened(port: number): http2.ClientHttp2Session {
  const over = session(port)
  closing.push(() => over.destroy())
  return over
}

describe('a server', { timeout: 30_000 }, () => {
  test('has no more than maxConnections at once', async () => {
    const { port } = await serving({ maxConnections: 1 })
    const tcp = async (): Promise<Socket> => {
      const socket = connectTcp(port, '127.0.0.1')
      closing.push(() => socket.destroy())
      socket.on('error', () => {})
      socket.resume()
      await once(socket, 'connect')
      return socket
    }
    const first = await tcp()
    const second = await tcp()
    await once(second, 'close')
    expect(first.destroyed).toBe(false)
    first.destroy()
  })

  test('tells each connection of maxCallsPerConnection', async () => {
    const { port } = await serving({ maxCallsPerConnection: 7 })
    const over = opened(port)
    await once(over, 'remoteSettings')
    expect(over.remoteSettings.maxConcurrentStreams).toBe(7)
  })

  test('asks a connection that is silent for keepaliveMs whether its peer still exists', async () => {
    const { port } = await serving({ keepaliveMs: 20 })
    await once(opened(port), 'ping')
  })

  test('closes a connection that is without calls for idleTimeoutMs', async () => {
    const { port } = await serving({ idleTimeoutMs: 20 })
    await once(opened(port), 'close')
  })

  test('has a connection given up after maxConnectionAgeMs', async () => {
    const { port } = await serving({ maxConnectionAgeMs: 20 })
    await once(opened(port), 'goaway')
  })
})

describe('a client', { timeout: 30_000 }, () => {
  const clientOf = (address: string, options: grpc.GrpcClientOptions) => {
    const binding = grpc.client(address, options)
    closing.push(() => binding.close())
    return connect(Echo, binding)
  }

  test('has no more than maxCalls at once', async () => {
    const { address, held } = await serving({})
    const { hold, echo } = clientOf(address, { maxCalls: 1 })
    const first = callOrThrow(hold, { text: 'a' })
    await held.arrived
    expect(await call(echo, { text: 'b' })).toMatchObject({
      left: { code: 'resource_exhausted', reason: 'TOO_MANY_CALLS', ran: 'no' },
    })
    held.release()
    expect(await first).toEqual({ text: 'a' })
    expect(await callOrThrow(echo, { text: 'c' })).toEqual({ text: 'c' })
  })

  /** A server that knows nothing of gRPC but how to answer `test.v1.Echo/Echo`. */
  async function foreign(onCall: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void) {
    const server = http2.createServer()
    server.on('stream', (stream, headers) => {
      stream.on('error', () => {})
      onCall(stream, headers)
    })
    const sessions = new Set<http2.ServerHttp2Session>()
    server.on('session', each => sessions.add(each))
    closing.push(() => {
      for (const each of sessions) each.destroy()
      server.close()
    })
    await new Promise<void>(resolve => (server as Server).listen(0, '127.0.0.1', resolve))
    return { server, address: `grpc://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }
  const answerWith = (stream: http2.ServerHttp2Stream, text: string): void => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(framed(message(text)))
  }

  test('asks a server that is silent for keepaliveMs in a call whether it still exists', async () => {
    let waiting: http2.ServerHttp2Stream | undefined
    const { server, address } = await foreign(stream => {
      waiting = stream
    })
    const asked = once(server, 'session').then(([each]) => once(each as http2.ServerHttp2Session, 'ping'))
    const answered = callOrThrow(clientOf(address, { keepaliveMs: 20 }).echo, { text: 'a' })
    await asked
    if (waiting !== undefined) answerWith(waiting, 'still here')
    expect(await answered).toEqual({ text: 'still here' })
  })

  test.each([
    ['gzip', gunzipSync],
    ['deflate', inflateSync],
  ] as const)('packs requests with %s where it is asked to', async (compression, unpack) => {
    let sent: { readonly encoding: unknown; readonly body: Buffer } | undefined
    const { address } = await foreign(async (stream, headers) => {
      sent = { encoding: headers['grpc-encoding'], body: Buffer.concat(await stream.toArray()) }
      answerWith(stream, 'taken')
    })
    const text = 'x'.repeat(100)
    expect(await callOrThrow(clientOf(address, { compression }).echo, { text })).toEqual({ text: 'taken' })
    expect(sent?.encoding).toBe(compression)
    expect(sent?.body[0]).toBe(1)
    expect(sent?.body.length).toBeLessThan(100)
    expect(unpack(sent?.body.subarray(5) ?? '')).toEqual(message(text))
    const own = await serving({})
    expect(await callOrThrow(clientOf(own.address, { compression }).echo, { text })).toEqual({ text })
  })
})
