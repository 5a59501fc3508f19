/** What peers send that mean ill or do not know better: calls of `test.v1.Echo/Echo`, of which none is to succeed. */
import http2 from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { gzipSync } from 'node:zlib'

/** The field 1 of a message, a short text. */
export const message = (text: string): Buffer => Buffer.concat([Buffer.from([10, text.length]), Buffer.from(text)])

/** A message as gRPC frames it. */
export function framed(bytes: Buffer, flag = 0, length = bytes.length): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt8(flag, 0)
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, bytes])
}

/** 32 MiB in 32 KiB. */
export const bomb: Buffer = framed(gzipSync(Buffer.alloc(32 << 20)), 1)

/** What is wrong with a call, its body, its headers, and the status that it is answered with. */
export const malformed: readonly (readonly [string, Buffer, http2.OutgoingHttpHeaders, string])[] = [
  ['a length without end', framed(Buffer.from('x'), 0, 0xffff_ffff), {}, '8'],
  ['a message that is no protocol buffer', framed(Buffer.from([0xff, 0xff, 0xff])), {}, '3'],
  ['a message whose text is cut off', framed(Buffer.from([10, 100, 65])), {}, '3'],
  ['a frame that is cut off', framed(message('abc')).subarray(0, 6), {}, '3'],
  ['no message at all', Buffer.alloc(0), {}, '12'],
  ['two messages', Buffer.concat([framed(message('a')), framed(message('b'))]), {}, '12'],
  ['garbage for gzip', framed(Buffer.from('no gzip'), 1), { 'grpc-encoding': 'gzip' }, '13'],
  ['a packing that nobody knows', framed(message('a'), 1), { 'grpc-encoding': 'zip' }, '12'],
  ['a bomb', bomb, { 'grpc-encoding': 'gzip' }, '8'],
  ['a timeout that is none', framed(message('a')), { 'grpc-timeout': 'soon' }, '13'],
  ['an attempt that is none', framed(message('a')), { 'tenon-attempt': 'x' }, '3'],
]

/** More headers than anybody needs: half a MiB. */
export const flood: http2.OutgoingHttpHeaders = Object.fromEntries(
  Array.from({ length: 4000 }, (_, i) => [`x-${i}`, 'x'.repeat(100)]),
)

/** What is spoken instead of HTTP/2. */
export const foreign: readonly (readonly [string, string])[] = [
  ['HTTP/1.1', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['nonsense', '\x00\x01\x02 nonsense\r\n\r\n'.repeat(10)],
  ['a preface and then nonsense', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff'],
]

export const headers = {
  ':method': 'POST',
  ':path': '/test.v1.Echo/Echo',
  'content-type': 'application/grpc',
  te: 'trailers',
} as const

/** A connection of HTTP/2, whose errors interest nobody. */
export function session(port: number): http2.ClientHttp2Session {
  const opened = http2.connect(`http://127.0.0.1:${port}`)
  opened.on('error', () => {})
  return opened
}

/** Sends a request, and tells how it was answered: `grpc-status`, or how its stream was closed. */
export function answer(
  over: http2.ClientHttp2Session,
  body: Buffer,
  more: http2.OutgoingHttpHeaders = {},
): Promise<Readonly<Record<string, unknown>>> {
  return new Promise(resolve => {
    const asked = over.request({ ...headers, ...more })
    let last: Record<string, unknown> = {}
    asked.on('error', () => {})
    asked.on('response', given => {
      last = given
    })
    asked.on('trailers', given => {
      last = { ...last, ...given }
    })
    asked.on('close', () => resolve({ ...last, reset: asked.rstCode }))
    asked.resume()
    asked.end(body)
  })
}

/** Begins streams and resets them at once, a hundred a round or until the connection is closed; says how many. */
export async function resetRapidly(over: http2.ClientHttp2Session, rounds = 40): Promise<number> {
  let resets = 0
  for (let round = 0; round < rounds && !over.destroyed; round++) {
    for (let i = 0; i < 100 && !over.destroyed; i++, resets++) {
      const asked = over.request(headers)
      asked.on('error', () => {})
      asked.close(http2.constants.NGHTTP2_CANCEL)
    }
    await new Promise(setImmediate)
  }
  return resets
}

/** Says something on a connection; resolves when the server has closed it. */
export function speak(port: number, text: string): Promise<void> {
  return new Promise(resolve => {
    const socket = connectTcp(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.once('close', () => resolve())
    socket.resume()
    socket.write(text, 'latin1')
  })
}
