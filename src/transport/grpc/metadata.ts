// gRPC's metadata and ours. Names and values are the same but for names that end in `-bin`: their values are bytes, which here are
// base64 text, as on the wire.
import { Metadata as GrpcMetadata } from '@grpc/grpc-js'
import { type Context, failed, type Metadata, type OnDefect, type Reply } from '../../core/index.js'
import { attemptHeader } from '../wire-headers.js'
import { timeoutText } from './timeout.js'

/** What HTTP/2 and gRPC say with headers: nothing that a caller or a handler may. */
const reserved: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
])

/** Of the answers that come in: what says nothing of the service. */
const framing: ReadonlySet<string> = new Set(['content-type', 'date', 'server', 'tenon-ran'])

const base64 = /^[A-Za-z0-9+/]*={0,2}$/

function isReserved(name: string): boolean {
  return reserved.has(name) || name.startsWith('grpc-')
}

/** Why a pair cannot be sent; undefined where it can. */
function mistakeIn(name: string, value: string): string | undefined {
  if (isReserved(name)) return `the metadata entry '${name}' belongs to the transport`
  if (name.endsWith('-bin') && !bytesIn(value).every(each => base64.test(each)))
    return `the metadata entry '${name}' must be base64`
  return undefined
}

/** Several values of one name are joined by commas, which base64 has none of. */
function bytesIn(value: string): readonly string[] {
  return value.split(',').map(each => each.trim())
}

function put(metadata: GrpcMetadata, name: string, value: string): void {
  // Space around a value is none of it (RFC 9110, 5.5), and HTTP/2 drops a field that has some.
  if (!name.endsWith('-bin')) metadata.add(name, value.trim())
  else for (const each of bytesIn(value)) metadata.add(name, Buffer.from(each, 'base64'))
}

/** What a call sends beside its message, or the failure of one that cannot be sent. */
export function sentMetadata(context: Context): GrpcMetadata | ReturnType<typeof failed> {
  const metadata = new GrpcMetadata()
  const { attempt, maxAttempts, remainingMs } = context
  if (remainingMs !== Number.POSITIVE_INFINITY) metadata.set('grpc-timeout', timeoutText(remainingMs))
  if (attempt > 1 || maxAttempts > 1) metadata.set(attemptHeader, `${attempt};max=${Math.max(attempt, maxAttempts)}`)
  for (const [name, value] of context.outgoing) {
    const mistake = mistakeIn(name, value)
    if (mistake !== undefined) return failed('invalid_argument', 'INVALID_METADATA', mistake, { ran: 'no' })
    put(metadata, name, value)
  }
  return metadata
}

/** What came in, as a context has it: several values of a name joined by `', '`. */
export function receivedMetadata(metadata: GrpcMetadata): Metadata {
  const pairs = new Map<string, string>()
  for (const [name, value] of pairsOf(metadata)) pairs.set(name, value.join(', '))
  return pairs
}

/** One entry of what came in; the first of several. */
export function entryOf(metadata: GrpcMetadata, name: string): string | undefined {
  const [value] = metadata.get(name)
  return typeof value === 'string' ? value : undefined
}

function pairsOf(metadata: GrpcMetadata): [name: string, values: readonly string[]][] {
  return Object.entries(metadata.toHttp2Headers()).map(([name, value]) => [name, [value ?? ''].flat().map(String)])
}

/** A reply's headers; undefined where there are none. One that belongs to the transport is a defect. */
export function headersOf(reply: Reply | undefined, onDefect: OnDefect): GrpcMetadata | undefined {
  if (reply === undefined || (reply.headers.size === 0 && reply.setCookies.length === 0)) return undefined
  const metadata = new GrpcMetadata()
  putAll(metadata, reply.headers, onDefect)
  for (const cookie of reply.setCookies) metadata.add('set-cookie', cookie)
  return metadata
}

/** A reply's trailers; undefined where there are none. */
export function trailersOf(reply: Reply | undefined, onDefect: OnDefect): GrpcMetadata | undefined {
  if (reply === undefined || reply.trailers.size === 0) return undefined
  const metadata = new GrpcMetadata()
  putAll(metadata, reply.trailers, onDefect)
  return metadata
}

function putAll(metadata: GrpcMetadata, pairs: Metadata, onDefect: OnDefect): void {
  for (const [name, value] of pairs) {
    const mistake = mistakeIn(name, value)
    if (mistake === undefined) put(metadata, name, value)
    else onDefect(new TypeError(`reply: ${mistake}`))
  }
}

/** Gives `reply` what came with an answer. What cannot be metadata is left out: it says nothing that was agreed on. */
export function takeReply(metadata: GrpcMetadata, reply: Reply, as: 'header' | 'trailer'): void {
  for (const [name, values] of pairsOf(metadata)) {
    if (framing.has(name) || name.startsWith('grpc-')) continue
    try {
      if (name !== 'set-cookie') reply[as](name, values.join(', '))
      else if (as === 'header') for (const value of values) reply.header(name, value)
    } catch {
      // left out
    }
  }
}
