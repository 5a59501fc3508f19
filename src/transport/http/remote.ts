// A contract's method as a request, and its response as an outcome: the client's side of a call over HTTP.
import { failureFromWire, type MethodSpec, type RemoteCall } from '../../contract/index.js'
import { observe } from '../../core/call-error.js'
import { carriedOf } from '../../core/context.js'
import {
  type Awaitable,
  CallError,
  type Context,
  type Failure,
  failed,
  failureOf,
  left,
  type Outcome,
  right,
} from '../../core/index.js'

import { parseJson } from '../json.js'
import { trailerPrefix } from '../wire-headers.js'
import { type IncomingStream, streamItems } from './incoming-stream.js'
import { type HttpHeaders, headerOf } from './message.js'
import { ndjson, ndjsonType } from './ndjson.js'
import { problemType } from './problem.js'
import { responseFailure } from './response-failure.js'
import { type Reading, type Remote, roundTrip } from './round-trip.js'
import { partsOf } from './rule.js'
import type { SentRequest } from './sender.js'
import { sentHeaders } from './sent-headers.js'

/** How a method is called over HTTP. `prefix` is the target's own path, before the methods'. */
export function remoteCall(spec: MethodSpec, remote: Remote, prefix: string): RemoteCall {
  return (message, context) => {
    let request: SentRequest
    try {
      request = requestFor(spec, message, { context, prefix, acceptEncoding: remote.acceptEncoding })
    } catch (thrown) {
      if (!(thrown instanceof CallError)) throw thrown
      return left({ ...(thrown.failure as Failure), ran: 'no' }) // encoding throws no domain failures
    }
    return roundTrip(remote, request, context, new MethodReading(spec, remote, context))
  }
}

interface SentWith {
  readonly context: Context
  readonly prefix: string
  readonly acceptEncoding: string | undefined
}

function requestFor(spec: MethodSpec, message: unknown, { context, prefix, acceptEncoding }: SentWith): SentRequest {
  const { http, request, response } = spec
  const headers = sentHeaders(context)
  if (acceptEncoding !== undefined) headers.push('accept-encoding', acceptEncoding)
  headers.push('accept', response.streamed ? ndjsonType : 'application/json')
  if (request.streamed) {
    headers.push('content-type', ndjsonType)
    const body = linesOf(message as AsyncIterable<unknown>, context) // a streaming method
    return { method: http.verb, path: prefix + http.pattern, headers, body }
  }
  const { url, body } = partsOf(spec, message)
  if (body !== undefined) headers.push('content-type', 'application/json')
  return { method: http.verb, path: prefix + url, headers, body }
}

const encoder = new TextEncoder()

/** The caller's items as lines. Where its iterable fails, the server is told, and the caller hears what it made of that. */
async function* linesOf(items: AsyncIterable<unknown>, context: Context): AsyncGenerator<Uint8Array, void, undefined> {
  const { scope } = carriedOf(context)
  const encoded = (item: unknown): Uint8Array => {
    try {
      return encoder.encode(ndjson.item(item))
    } catch (thrown) {
      observe(scope.onDefect, thrown) // an item of the caller's that cannot be sent
      throw new CallError(gaveUp)
    }
  }
  yield encoder.encode('\n') // takes the headers along: the server may answer before the first item
  try {
    for await (const item of items) yield encoded(item)
  } catch (thrown) {
    scope.caught(thrown) // tells of a defect
    yield encoder.encode(ndjson.failure(gaveUp, {}))
    return
  }
  yield encoder.encode(ndjson.end({}))
}

const gaveUp = failureOf('cancelled', 'CANCELLED', 'the caller gave up its stream')

/** Headers that frame the message: nothing that the service said. */
const framing: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'tenon-ran',
  'transfer-encoding',
])

class MethodReading implements Reading {
  readonly #spec: MethodSpec
  readonly #remote: Remote
  readonly #context: Context
  #status = 0
  #headers: HttpHeaders = {}
  #type: string | undefined

  constructor(spec: MethodSpec, remote: Remote, context: Context) {
    this.#spec = spec
    this.#remote = remote
    this.#context = context
  }

  onHead(status: number, headers: HttpHeaders): boolean {
    this.#status = status
    this.#headers = headers
    this.#type = headerOf(headers, 'content-type')?.split(';', 1)[0]?.trim().toLowerCase()
    for (const name in headers) if (!framing.has(name)) this.#takeAll(name, headers[name])
    return this.#spec.response.streamed && this.#type === ndjsonType && status < 300
  }

  #takeAll(name: string, value: string | readonly string[] | undefined): void {
    if (typeof value !== 'object') this.#take(name, value ?? '')
    else if (name === 'set-cookie') for (const each of value) this.#take(name, each)
    else this.#take(name, value.join(', '))
  }

  /** What cannot be metadata (a proxy's odd header, more than there may be) is left out: it says nothing that was agreed on. */
  #take(name: string, text: string): void {
    const { reply } = this.#context
    try {
      if (name.startsWith(trailerPrefix)) reply.trailer(name.slice(trailerPrefix.length), text)
      else reply.header(name, text)
    } catch (thrown) {
      if (!(thrown instanceof CallError)) throw thrown
    }
  }

  #asksForChanges(): boolean {
    const { outgoing } = this.#context
    return outgoing.get('if-none-match') !== undefined || outgoing.get('if-modified-since') !== undefined
  }

  onStream(chunks: IncomingStream): Outcome {
    const { peer, maxResponseBytes } = this.#remote
    return right(streamItems(chunks, { spec: this.#spec, peer, maxBytes: maxResponseBytes, context: this.#context }))
  }

  onWhole(text: string): Awaitable<Outcome> {
    const status = this.#status
    if (status === 304 && this.#asksForChanges()) {
      const message = `${this.#remote.peer} says that nothing has changed`
      return failed('failed_precondition', 'NOT_MODIFIED', message, { peer: this.#remote.peer })
    }
    if (status < 300 && this.#type === 'application/json' && !this.#spec.response.streamed) {
      try {
        return right(parseJson(text))
      } catch {
        // said below
      }
    }
    const isProblem = this.#type === problemType
    const { peer } = this.#remote
    const read = responseFailure({ status, headers: this.#headers, text, isProblem }, peer)
    if ('_tag' in read) return left(read)
    const failure = failureFromWire(this.#spec, read, peer)
    return failure instanceof Promise ? failure.then(left) : left(failure)
  }
}
