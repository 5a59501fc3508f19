// A contract's method as a request, and its response as an outcome: the client's side of a call over HTTP.
import { failureFromWire, type MethodSpec, type RemoteCall } from '../../contract/index.js'
import { isOfType, type RawField } from '../../contract/raw-field.js'
import {
  type Awaitable,
  CallError,
  type Context,
  type Failure,
  failed,
  left,
  type Outcome,
  right,
} from '../../core/index.js'

import { parseJson } from '../json.js'
import { trailerPrefix } from '../wire-headers.js'
import { type IncomingStream, streamItems } from './incoming-stream.js'
import { mediaType } from './media-type.js'
import { type HttpHeaders, headerOf } from './message.js'
import { ndjsonType } from './ndjson.js'
import { problemType } from './problem.js'
import { itemsOfBytes, putBytes } from './raw-body.js'
import { following } from './redirects.js'
import { responseFailure } from './response-failure.js'
import type { Reading, Remote } from './round-trip.js'
import { partsOf } from './rule.js'
import type { SentRequest } from './sender.js'
import { sentHeaders } from './sent-headers.js'
import { type Breaking, bytesOf, linesOf } from './sent-items.js'

/** How a method is called over HTTP. `prefix` is the target's own path, before the methods'. */
export function remoteCall(spec: MethodSpec, remote: Remote, prefix: string): RemoteCall {
  return (message, context) => {
    let request: SentRequest
    const breaking: Breaking | undefined = spec.request.streamed && spec.http.body !== undefined ? {} : undefined
    try {
      request = requestFor(spec, message, { context, prefix, acceptEncoding: remote.acceptEncoding, breaking })
    } catch (thrown) {
      if (!(thrown instanceof CallError)) throw thrown
      return left({ ...(thrown.failure as Failure), ran: 'no' }) // encoding throws no domain failures
    }
    const outcome = following(remote, request, context, new MethodReading(spec, remote, context))
    if (breaking === undefined || !(outcome instanceof Promise)) return outcome
    return outcome.then(ended =>
      ended._tag === 'Left' && breaking.failure !== undefined ? left(breaking.failure) : ended,
    )
  }
}

interface SentWith {
  readonly context: Context
  readonly prefix: string
  readonly acceptEncoding: string | undefined
  readonly breaking: Breaking | undefined
}

function requestFor(spec: MethodSpec, message: unknown, given: SentWith): SentRequest {
  const { context, prefix, acceptEncoding } = given
  const { http, request } = spec
  const headers = sentHeaders(context)
  if (acceptEncoding !== undefined) headers.push('accept-encoding', acceptEncoding)
  headers.push('accept', acceptedBy(spec))
  if (request.streamed) {
    const items = message as AsyncIterable<unknown> // a streaming method
    headers.push('content-type', http.body?.type ?? ndjsonType)
    const body =
      http.body === undefined
        ? linesOf(items, context)
        : bytesOf(http.body, items, { context, breaking: given.breaking })
    return { method: http.verb, path: prefix + http.pattern, headers, body }
  }
  const { url, body, type } = partsOf(spec, message)
  if (body !== undefined) headers.push('content-type', type)
  return { method: http.verb, path: prefix + url, headers, body }
}

/** Problem details come whatever is asked for. */
function acceptedBy({ http, response }: MethodSpec): string {
  return http.responseBody?.type ?? (response.streamed ? ndjsonType : 'application/json')
}

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
  onBytes: ((bytes: Uint8Array) => Outcome) | undefined
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
    this.#type = mediaType({ headers })
    for (const name in headers) if (!framing.has(name)) this.#takeAll(name, headers[name])
    const { response, http } = this.#spec
    const raw = status < 300 ? http.responseBody : undefined
    if (raw === undefined) return response.streamed && this.#type === ndjsonType && status < 300
    if (!isOfType(this.#type, raw.type) && raw.typeField === undefined) return false
    if (!response.streamed) this.onBytes = bytes => this.#ofBytes(raw, bytes)
    return response.streamed
  }

  #ofBytes(raw: RawField, bytes: Uint8Array): Outcome {
    const message: Record<string, unknown> = {}
    putBytes(raw, message, { bytes, type: headerOf(this.#headers, 'content-type') })
    return right(message)
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
    } catch {
      // left out
    }
  }

  #asksForChanges(): boolean {
    const { outgoing } = this.#context
    return outgoing.get('if-none-match') !== undefined || outgoing.get('if-modified-since') !== undefined
  }

  onStream(chunks: IncomingStream): Outcome {
    const { peer, maxResponseBytes } = this.#remote
    const { responseBody: raw } = this.#spec.http
    if (raw !== undefined) return right(itemsOfBytes(raw, chunks))
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
