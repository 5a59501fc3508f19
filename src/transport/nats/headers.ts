// Headers of NATS messages, written and read. Our own encoder, because both libraries look for a name among all others each time one
// is set, which costs more than the rest of a request; of headers that are sent they ask no more than `encode`.
import { CallError, type Context, failureOf, type Reply } from '../../core/index.js'
import {
  attemptHeader,
  outgoingOf,
  ranHeader,
  retryAfterHeader,
  timeoutHeader,
  trailerPrefix,
} from '../wire-headers.js'
import type { NatsHeaders } from './connection.js'

/** A name and a value, both checked: a line break in either would end the header. */
export type Pair = readonly [name: string, value: string]

/** NATS's own names: what micro services and JetStream say of a message. */
const ownPrefix = 'nats-'

/** Names that say what the message is; a caller or a handler that sets one would change that. */
const reserved: ReadonlySet<string> = new Set([
  'connect-timeout-ms',
  'grpc-timeout',
  attemptHeader,
  ranHeader,
  retryAfterHeader,
  timeoutHeader,
  'tenon-credit',
])

/** How much of a response stream the caller takes before it says more. */
export const creditHeader = 'tenon-credit'

/** Whether a name belongs to the transport. */
function isReserved(name: string): boolean {
  return reserved.has(name) || name.startsWith(ownPrefix)
}

/** Headers that are sent. */
export class SentHeaders implements NatsHeaders {
  readonly #pairs: readonly Pair[]
  #bytes: Uint8Array | undefined

  constructor(pairs: readonly Pair[]) {
    this.#pairs = pairs
  }

  *[Symbol.iterator](): Iterator<[string, string[]]> {
    for (const [name, value] of this.#pairs) yield [name, [value]]
  }

  /** Called by either library. */
  encode(): Uint8Array {
    if (this.#bytes === undefined) {
      let text = 'NATS/1.0\r\n'
      for (const pair of this.#pairs) text += `${pair[0]}: ${pair[1]}\r\n`
      this.#bytes = Buffer.from(`${text}\r\n`, 'latin1')
    }
    return this.#bytes
  }
}

/** What a call sends beside its request, and `own`. Throws `CallError` `invalid_argument`/`INVALID_METADATA`, `ran: 'no'`, for a reserved name. */
export function requestHeaders(context: Context, own: readonly Pair[] = []): SentHeaders {
  const { outgoing } = context
  if (outgoing.size > 0)
    for (const name of outgoing.keys())
      if (isReserved(name)) {
        const message = `the header '${name}' belongs to the transport`
        throw new CallError<never>(failureOf('invalid_argument', 'INVALID_METADATA', message, { ran: 'no' }))
      }
  return new SentHeaders([...outgoingOf(context), ...own])
}

/** What the server of a call says beside its answer, `trailers` included where nothing comes after that. */
export function replyPairs(reply: Reply | undefined, trailers: boolean, onReserved: (name: string) => void): Pair[] {
  const pairs: Pair[] = []
  if (reply === undefined) return pairs
  for (const value of reply.setCookies) pairs.push(['set-cookie', value])
  for (const [name, value] of reply.headers) {
    if (isReserved(name)) onReserved(name)
    else pairs.push([name, value])
  }
  if (trailers) for (const [name, value] of reply.trailers) pairs.push([trailerPrefix + name, value])
  return pairs
}

/** What a server reads of each request; the rest is read when somebody asks. */
const sought: ReadonlySet<string> = new Set([
  attemptHeader,
  'connect-timeout-ms',
  creditHeader,
  'grpc-timeout',
  timeoutHeader,
])

/** What is sought in the headers of a request, by lower-case name. `undefined` where there are more than `maxHeaders`. */
export function soughtIn(
  headers: NatsHeaders | undefined,
  maxHeaders: number,
): { readonly [name: string]: string | undefined } | undefined {
  const found: { [name: string]: string | undefined } = {}
  if (headers === undefined) return found
  let count = 0
  for (const [name, values] of headers) {
    count += values.length
    if (count > maxHeaders) return undefined
    const lower = name.toLowerCase()
    if (!sought.has(lower)) continue
    const before = found[lower]
    const value = values.join(', ')
    found[lower] = before === undefined ? value : `${before}, ${value}` // two times are none, in whatever case
  }
  return found
}

/** What came beside a message, under lower-case names, several values of one joined. `undefined` for more than `maxHeaders`. */
export function receivedMetadata(
  headers: NatsHeaders | undefined,
  maxHeaders: number,
): ReadonlyMap<string, string> | undefined {
  const metadata = new Map<string, string>()
  if (headers === undefined) return metadata
  let count = 0
  for (const [name, values] of headers) {
    count += values.length
    if (count > maxHeaders) return undefined
    const lower = name.toLowerCase()
    const value = values.length === 1 ? (values[0] ?? '') : values.join(', ')
    const before = metadata.get(lower) // names differ in their case alone where another maker wrote them
    metadata.set(lower, before === undefined ? value : `${before}, ${value}`)
  }
  return metadata
}

/** Writes what came beside an answer into the caller's reply. */
export function takeReply(reply: Reply, headers: NatsHeaders): void {
  for (const [name, values] of headers) {
    const lower = name.toLowerCase()
    if (isReserved(lower)) continue
    if (lower === 'set-cookie') for (const value of values) take(reply, lower, value)
    else take(reply, lower, values.join(', '))
  }
}

/** What cannot be metadata (another maker's odd header) is left out: it says nothing that was agreed on. */
function take(reply: Reply, name: string, value: string): void {
  try {
    if (name.startsWith(trailerPrefix)) reply.trailer(name.slice(trailerPrefix.length), value)
    else reply.header(name, value)
  } catch {
    // left out
  }
}
