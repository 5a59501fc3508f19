// Streams over HTTP: one JSON object a line. `{"value":…}` is an item; `{"end":{…}}` or `{"failure":{…}}` comes last, so
// that a stream that was cut off is never mistaken for one that ended.
import type { WireFailure } from '../../contract/index.js'
import { CallError, failureOf } from '../../core/index.js'
import { jsonText, parseJson } from '../json.js'
import { failureOfWholeProblem, wholeProblemOf } from '../problem.js'

export const ndjsonType = 'application/x-ndjson'

/** How the lines of a stream are framed. */
export interface Framing {
  readonly contentType: string
  item(value: unknown): string
  end(trailers: Readonly<Record<string, string>>): string
  failure(failure: WireFailure, trailers: Readonly<Record<string, string>>): string
}

/** NDJSON, the default. */
export const ndjson: Framing = {
  contentType: ndjsonType,
  item: value => `{"value":${jsonText(value)}}\n`,
  end: trailers => `{"end":${JSON.stringify(Object.keys(trailers).length > 0 ? { trailers } : {})}}\n`,
  failure: (failure, trailers) =>
    `${jsonText({ failure: wholeProblemOf(failure), ...(Object.keys(trailers).length > 0 && { trailers }) })}\n`,
}

/** Server-sent events, for browsers' EventSource: `event: end` or `event: failure` comes last. */
export const sse: Framing = {
  contentType: 'text/event-stream',
  item: value => `data: ${jsonText(value)}\n\n`,
  end: trailers => `event: end\ndata: ${JSON.stringify(Object.keys(trailers).length > 0 ? { trailers } : {})}\n\n`,
  failure: (failure, trailers) =>
    `event: failure\ndata: ${jsonText({ ...wholeProblemOf(failure), ...(Object.keys(trailers).length > 0 && { trailers }) })}\n\n`,
}

/** What a line of a stream is. */
export type Line =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'end'; readonly trailers: Readonly<Record<string, string>> }
  | { readonly kind: 'failure'; readonly failure: WireFailure; readonly trailers: Readonly<Record<string, string>> }

/**
 * Reads the lines of a stream. Throws `CallError` `unavailable`/`STREAM_BROKEN` where the last is missing,
 * `invalid_argument`/`MALFORMED_BODY` for what is no line, `resource_exhausted`/`BODY_TOO_LARGE` for one above `maxBytes`.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Line, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  // Pieces of the line at hand: put together once, or a line that drips in would cost the square of its length.
  let pieces: string[] = []
  let length = 0
  for await (const chunk of chunks) {
    const text = decode(decoder, chunk)
    let from = 0
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', from)) {
      const end = text.slice(from, at)
      const whole = pieces.length === 0 ? end : pieces.join('') + end
      pieces = []
      length = 0
      from = at + 1
      if (whole === '' || whole === '\r') continue
      const line = parseLine(whole, maxBytes)
      yield line
      if (line.kind !== 'value') return
    }
    if (from < text.length) pieces.push(from === 0 ? text : text.slice(from))
    length += text.length - from
    if (length > maxBytes) throw tooLong(maxBytes)
  }
  throw new CallError(failureOf('unavailable', 'STREAM_BROKEN', 'the stream broke off before its end'))
}

function decode(decoder: InstanceType<typeof TextDecoder>, chunk: Uint8Array): string {
  try {
    return decoder.decode(chunk, { stream: true })
  } catch (thrown) {
    throw new CallError(failureOf('invalid_argument', 'MALFORMED_BODY', 'the stream is not UTF-8', { cause: thrown }))
  }
}

function parseLine(text: string, maxBytes: number): Line {
  if (text.length > maxBytes) throw tooLong(maxBytes)
  const line = parseJson(text)
  if (typeof line === 'object' && line !== null && !Array.isArray(line)) {
    const { value, end, failure, trailers }: { value?: unknown; end?: unknown; failure?: unknown; trailers?: unknown } =
      line
    if (value !== undefined) return { kind: 'value', value }
    if (typeof end === 'object' && end !== null) {
      return { kind: 'end', trailers: trailersIn('trailers' in end ? end.trailers : undefined) }
    }
    const read = failureOfWholeProblem(failure)
    if (read !== undefined) return { kind: 'failure', failure: read, trailers: trailersIn(trailers) }
  }
  throw new CallError(
    failureOf('invalid_argument', 'MALFORMED_BODY', 'a line of a stream is {"value":…}, {"end":{}} or {"failure":{…}}'),
  )
}

function trailersIn(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(
    Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  )
}

function tooLong(maxBytes: number): CallError<unknown> {
  return new CallError(
    failureOf('resource_exhausted', 'BODY_TOO_LARGE', `a line of the stream is over ${maxBytes} bytes`),
  )
}
