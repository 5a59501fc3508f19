// The items of a request stream as a server reads them: lines of JSON, or the pieces of a body that is bytes.
import type { MethodSpec } from '../../contract/index.js'
import { isOfType } from '../../contract/raw-field.js'
import { CallError, failureOf, isFailure } from '../../core/index.js'
import { gaveUp } from '../request-stream.js'
import { mediaType, wrongMediaType } from './media-type.js'
import { type HttpRequest, type HttpResponse, headerOf } from './message.js'
import { ndjsonType, readLines } from './ndjson.js'
import { itemsOfBytes } from './raw-body.js'

/** The items of a request, or the answer to one that has none. `maxBytes` is of one item. */
export function requestItems(
  request: HttpRequest,
  { http }: MethodSpec,
  maxBytes: number,
): { readonly items: AsyncIterable<unknown> } | { readonly refusal: HttpResponse } {
  if (http.body === undefined) {
    if (!request.hasBody || mediaType(request) !== ndjsonType) return { refusal: wrongMediaType(request, ndjsonType) }
    return { items: linesOf(request, maxBytes) }
  }
  const coding = headerOf(request.headers, 'content-encoding')?.toLowerCase() ?? 'identity'
  if (!isOfType(headerOf(request.headers, 'content-type'), http.body.type) || coding !== 'identity')
    return { refusal: wrongMediaType(request, `${http.body.type}, and not packed`) }
  return { items: itemsOfBytes(http.body, request.chunks()) }
}

async function* linesOf(request: HttpRequest, maxBytes: number): AsyncGenerator<unknown, void, undefined> {
  try {
    for await (const line of readLines(request.chunks(), maxBytes)) {
      if (line.kind === 'value') yield line.value
      else if (line.kind === 'failure') throw new CallError(gaveUp)
    }
  } catch (thrown) {
    // To a client a stream without its last line has broken off; to the server its caller has not written one.
    const message = 'the stream has no last line: {"end":{}}'
    throw isBroken(thrown) ? new CallError(failureOf('invalid_argument', 'MALFORMED_BODY', message)) : thrown
  }
}

function isBroken(thrown: unknown): boolean {
  return thrown instanceof CallError && isFailure(thrown.failure) && thrown.failure.reason === 'STREAM_BROKEN'
}
