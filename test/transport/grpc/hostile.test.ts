/** Peers that mean ill or speak something else: the process lives, others are served, and callers get typed failures. */

import { createServer as createHttpServer } from 'node:http'
import http2 from 'node:http2'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { call, callOrThrow, connect, contract, type Failure, implement, isFailure, method, stream } from 'tenon'
import { type Running, serve } from 'tenon/lifecycle'
import * as grpc from 'tenon/transport/grpc'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  answer,
  bomb,
  flood,
  foreign,
  framed,
  malformed,
  message,
  resetRapidly,
  session,
  speak,
} from './hostile-calls.js'

const Text = z.object({ text: z.string() })
const Echo = contract('test.v1.Echo', {
  echo: method({ request: Text, response: Text, idempotency: 'safe' }),
  echoAll: method({ request: stream(Text), response: stream(Text), idempotency: 'safe' }),
})
const echo = implement(Echo).handlers({ echo: request => request, echoAll: requests => requests })
describe('a server', () => {
  let running: Running
  let port = 0
  let honest: ReturnType<typeof grpc.client>
  const open: { destroy(): void }[] = []
  beforeAll(async () => {
    running = await serve([echo], [grpc.server({ port: 0, maxMessageBytes: 64 << 10 })], { signals: false, graceMs: 0 })
    const [address = ''] = running.addresses
    port = Number(new URL(address.replace('grpc:', 'http:')).port)
    honest = grpc.client(address)
  })
  afterEach(async () => {
    const outcome = await call(connect(Echo, honest).echo, { text: 'still here' })
    expect(outcome).toMatchObject({ _tag: 'Right', right: { text: 'still here' } })
    for (const each of open.splice(0)) each.destroy()
  })
  afterAll(async () => {
    await honest.close()
    await running.close()
  })
  const opened = (): http2.ClientHttp2Session => {
    const over = session(port)
    open.push(over)
    return over
  }

  test.each(malformed)('refuses %s', async (_, body, more, status) => {
    expect(await answer(opened(), body, more)).toMatchObject({ 'grpc-status': status })
  })

  test('refuses what is no gRPC', async () => {
    const json = { 'content-type': 'application/json' }
    expect(await answer(opened(), Buffer.from('{}'), json)).toMatchObject({ ':status': 415 })
    const nowhere = { ':path': '/nowhere' }
    expect(await answer(opened(), framed(message('a')), nowhere)).toMatchObject({ 'grpc-status': '12' })
  })

  test('refuses a flood of metadata', async () => {
    const refused = await answer(opened(), framed(message('a')), flood)
    expect(refused['grpc-status']).not.toBe('0')
  })

  test('survives streams that are reset as soon as they are begun', async () => {
    const hasty = opened()
    const closed = new Promise<void>(resolve => hasty.once('close', resolve))
    expect(await resetRapidly(hasty)).toBeGreaterThan(100)
    hasty.destroy()
    await closed
  })

  test.each(foreign)('closes connections that speak %s', async (_, text) => {
    await speak(port, text)
  })
})

describe('a client', () => {
  const open: { close(): unknown }[] = []
  afterEach(() => {
    for (const each of open.splice(0)) each.close()
  })
  /** What a call comes to at a server that answers as it likes. */
  async function failureAt(listening: { address(): AddressInfo | string | null; close(): unknown }): Promise<Failure> {
    open.push(listening)
    const { port } = listening.address() as AddressInfo
    const binding = grpc.client(`127.0.0.1:${port}`, { maxMessageBytes: 64 << 10 })
    const outcome = await call(connect(Echo, binding).echo, { text: 'a' })
    await binding.close()
    return outcome._tag === 'Left' && isFailure(outcome.left) ? outcome.left : expect.fail('it succeeded')
  }
  const listening = async <T extends { listen(port: number, host: string, done: () => void): unknown }>(
    server: T,
  ): Promise<T> => {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return server
  }
  const answering = (answer: (stream: http2.ServerHttp2Stream) => void): Promise<http2.Http2Server> => {
    const server = http2.createServer()
    server.on('stream', stream => {
      stream.on('error', () => {})
      answer(stream)
    })
    return listening(server)
  }
  const ok = { ':status': 200, 'content-type': 'application/grpc' }
  const ending = (stream: http2.ServerHttp2Stream, body: Buffer, trailers: http2.OutgoingHttpHeaders): void => {
    stream.respond(ok, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    stream.end(body)
  }

  test('of a server that speaks HTTP/1.1', async () => {
    const found = await failureAt(await listening(createHttpServer((_, response) => response.end('<html>'))))
    expect(found).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_FAILED' })
  })

  test('of a server that closes at once', async () => {
    const found = await failureAt(await listening(createServer((socket: Socket) => socket.destroy())))
    expect(found.code).toBe('unavailable')
  })

  test.each([
    ['a page of HTML', 404, 'unimplemented'],
    ['a page of HTML', 503, 'unavailable'],
    ['a page of HTML', 200, 'unknown'],
  ] as const)('of %s with status %i', async (_, status, code) => {
    const server = await answering(stream => {
      stream.respond({ ':status': status, 'content-type': 'text/html' })
      stream.end('<html><body>nothing here</body></html>')
    })
    const found = await failureAt(server)
    expect(found.reason).toMatch(/^UNEXPECTED_RESPONSE$|^RESPONSE_TOO_LARGE$/)
    if (status !== 200) expect(found).toMatchObject({ code, details: { status } })
  })

  test.each([
    ['a message over its limit', framed(Buffer.alloc(100 << 10)), '0', 'RESPONSE_TOO_LARGE'],
    ['a length without end', framed(Buffer.from('x'), 0, 0xffff_ffff), '0', 'RESPONSE_TOO_LARGE'],
    ['a message that is none', framed(Buffer.from([0xff, 0xff])), '0', 'UNEXPECTED_RESPONSE'],
    ['no message', Buffer.alloc(0), '0', 'UNEXPECTED_RESPONSE'],
    ['two messages', Buffer.concat([framed(message('a')), framed(message('b'))]), '0', 'UNEXPECTED_RESPONSE'],
    ['a message that is packed, unsaid', framed(gzipSync(message('a')), 1), '0', 'UNEXPECTED_RESPONSE'],
    ['a status that is no number', framed(message('a')), 'fine', 'UNKNOWN'],
  ] as const)('of %s', async (_, body, status, reason) => {
    const found = await failureAt(await answering(stream => ending(stream, body, { 'grpc-status': status })))
    expect(found).toMatchObject({ reason })
    expect(found.peer).toMatch(/^127\.0\.0\.1:/)
  })

  test('of a bomb', async () => {
    const server = await answering(stream => {
      stream.respond({ ...ok, 'grpc-encoding': 'gzip' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(bomb)
    })
    expect(await failureAt(server)).toMatchObject({ code: 'resource_exhausted', reason: 'RESPONSE_TOO_LARGE' })
  })

  test.each([
    ['details that are none', 'AAAA/////w'],
    ['details that are no base64', '§§§'],
  ])('of %s keeps the code', async (_, details) => {
    const trailers = {
      'grpc-status': '5',
      'grpc-message': 'no',
      'grpc-status-details-bin': Buffer.from(details).toString('latin1'),
    }
    const found = await failureAt(await answering(stream => ending(stream, Buffer.alloc(0), trailers)))
    expect(found).toMatchObject({ code: 'not_found', reason: 'NOT_FOUND', message: 'no' })
  })

  test('of a stream that fails gives all that came before, however slowly it is read', async () => {
    const server = await answering(stream => {
      const items = ['a', 'b', 'c', 'd'].map(text => framed(message(text)))
      ending(stream, Buffer.concat(items), { 'grpc-status': '9', 'grpc-message': 'enough' })
    })
    open.push(server)
    const binding = grpc.client(`127.0.0.1:${(server.address() as AddressInfo).port}`)
    const never = (async function* (): AsyncGenerator<never> {})()
    const items = await callOrThrow(connect(Echo, binding).echoAll, never)
    const seen: string[] = []
    const reading = async (): Promise<void> => {
      for await (const { text } of items) {
        seen.push(text)
        for (let i = 0; i < 50; i++) await new Promise(setImmediate)
      }
    }
    await expect(reading()).rejects.toMatchObject({ failure: { code: 'failed_precondition', message: 'enough' } })
    expect(seen).toEqual(['a', 'b', 'c', 'd'])
    await binding.close()
  })

  test.each([1, 4, 6])('of a stream that ends %i bytes into a message fails, after what was whole', async bytes => {
    const cut = Buffer.concat([framed(message('a')), framed(message('b')).subarray(0, bytes)])
    const server = await answering(stream => ending(stream, cut, { 'grpc-status': '0' }))
    open.push(server)
    const binding = grpc.client(`127.0.0.1:${(server.address() as AddressInfo).port}`)
    const seen: string[] = []
    const reading = async (): Promise<void> => {
      const never = (async function* (): AsyncGenerator<never> {})()
      for await (const { text } of await callOrThrow(connect(Echo, binding).echoAll, never)) seen.push(text)
    }
    await expect(reading()).rejects.toMatchObject({ failure: { code: 'internal', reason: 'UNEXPECTED_RESPONSE' } })
    expect(seen).toEqual(['a'])
    await binding.close()
  })

  test('of a stream whose connection breaks fails as broken off', async () => {
    const sockets = new Set<{ destroy(): void }>()
    const server = await answering(stream => {
      stream.respond(ok)
      stream.write(framed(message('a')))
    })
    server.on('connection', (socket: Socket) => sockets.add(socket))
    open.push(server)
    const binding = grpc.client(`127.0.0.1:${(server.address() as AddressInfo).port}`)
    const never = (async function* (): AsyncGenerator<never> {
      await new Promise(() => {})
    })()
    const items = await callOrThrow(connect(Echo, binding).echoAll, never)
    const reading = async (): Promise<void> => {
      for await (const _ of items) for (const socket of sockets) socket.destroy()
    }
    await expect(reading()).rejects.toMatchObject({ failure: { code: 'unavailable', reason: 'STREAM_BROKEN' } })
    await binding.close()
  })

  test('of a stream that ends without a status', async () => {
    const found = await failureAt(
      await answering(stream => {
        stream.respond(ok)
        stream.end(framed(message('a')))
      }),
    )
    expect(found.reason).toMatch(/CONNECTION_LOST|UNEXPECTED_RESPONSE/)
  })
})
