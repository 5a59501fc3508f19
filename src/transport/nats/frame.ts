// What the two ends of a stream say to each other: the lines of a stream over HTTP, each a message and numbered, since NATS may lose
// one; and credit, since NATS makes nobody wait.
import type { WireFailure } from '../../contract/index.js'
import { CallError, failureOf, type Metadata } from '../../core/index.js'
import { jsonText, parseJson } from '../json.js'
import { failureOfWholeProblem, wholeProblemOf } from '../problem.js'

/** One message of a stream. */
export type Frame =
  | { readonly kind: 'value'; readonly number: number; readonly value: unknown }
  | { readonly kind: 'end'; readonly number: number; readonly trailers: Readonly<Record<string, string>> }
  | {
      readonly kind: 'failure'
      readonly number: number
      readonly failure: WireFailure
      readonly trailers: Readonly<Record<string, string>>
    }
  /** As many bytes may be sent in all, counted by {@link costOf}. Said again and again, as a sign of life. */
  | { readonly kind: 'credit'; readonly limit: number }
  /** `head`: the response begins. `leave`: no more items are read. `cancel`: the call is given up. */
  | { readonly kind: 'head' | 'leave' | 'cancel' }

/** What a message of so many bytes takes of the credit: small ones take room, too. */
export function costOf(bytes: number): number {
  return bytes + 256
}

/** An item. Throws `CallError` `internal`/`UNENCODABLE` for one that cannot be written. */
export function valueFrame(number: number, value: unknown): string {
  return `{"n":${number},"value":${jsonText(value)}}`
}

/** The last word where a stream ended well. `number` is how many items came before. */
export function endFrame(number: number, trailers?: Metadata): string {
  return JSON.stringify({ n: number, end: trailersIn(trailers) })
}

/** The last word where it did not. Throws as {@link valueFrame} for details that cannot be written. */
export function failureFrame(number: number, failure: WireFailure, trailers?: Metadata): string {
  return jsonText({ n: number, failure: wholeProblemOf(failure), ...trailersIn(trailers) })
}

function trailersIn(trailers: Metadata | undefined): object {
  return trailers === undefined || trailers.size === 0 ? {} : { trailers: Object.fromEntries(trailers) }
}

/** See {@link Frame}. */
export function creditFrame(limit: number): string {
  return `{"credit":${limit}}`
}

export const headFrame = '{"head":{}}'
export const leaveFrame = '{"leave":{}}'
export const cancelFrame = '{"cancel":{}}'
/** Of a unary call: see `announcement.ts`. */
export const runningFrame = '{"running":{}}'

/** What a message says. Throws `CallError` `invalid_argument`/`MALFORMED_BODY` for anything else. */
export function frameIn(text: string): Frame {
  const parsed = parseJson(text)
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
    const fields: { readonly [name: string]: unknown } = parsed as Record<string, unknown> // an object of JSON
    const { n: number, value, credit } = fields
    if (isCount(number)) {
      if (value !== undefined) return { kind: 'value', number, value }
      const last = lastFrame(number, fields)
      if (last !== undefined) return last
    }
    if (isCount(credit)) return { kind: 'credit', limit: credit }
    for (const kind of ['head', 'leave', 'cancel'] as const) if (fields[kind] !== undefined) return { kind }
  }
  throw new CallError<never>(
    failureOf('invalid_argument', 'MALFORMED_BODY', 'a message of a stream is not one of a stream'),
  )
}

function lastFrame(
  number: number,
  { end, failure, trailers }: { readonly [name: string]: unknown },
): Frame | undefined {
  if (typeof end === 'object' && end !== null)
    return { kind: 'end', number, trailers: texts('trailers' in end ? end.trailers : undefined) }
  const read = failureOfWholeProblem(failure)
  return read === undefined ? undefined : { kind: 'failure', number, failure: read, trailers: texts(trailers) }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function texts(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(
    Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  )
}
