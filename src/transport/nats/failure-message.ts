// A failure as a message: problem details as over HTTP, beside the two headers by which NATS's own service clients know that a
// request failed (ADR-32).
import { failureFromWire, type MethodSpec, statusOf, type WireFailure } from '../../contract/index.js'
import { type Awaitable, type DomainFailure, type Failure, failureOf, left, type Outcome } from '../../core/index.js'
import { codeOf } from '../code-of-status.js'
import { jsonText, parseJson } from '../json.js'
import { failureOfProblem, problemOf } from '../problem.js'
import { ranHeader, retryAfterHeader } from '../wire-headers.js'
import { bodyOf, textIn } from './body.js'
import type { NatsMessage } from './connection.js'
import { type Pair, receivedMetadata } from './headers.js'

const errorHeader = 'Nats-Service-Error'
const codeHeader = 'Nats-Service-Error-Code'
const lowerErrorHeader = errorHeader.toLowerCase()
const lowerCodeHeader = codeHeader.toLowerCase()

/** A message of one failure. */
export interface FailureMessage {
  readonly body: Uint8Array
  readonly headers: readonly Pair[]
}

/** Throws `CallError` `internal`/`UNENCODABLE` where its details cannot be written. */
export function failureMessage(failure: WireFailure): FailureMessage {
  const { code, reason, message, ran, retryAfterMs } = failure
  const headers: Pair[] = [
    [errorHeader, headerText(message)],
    [codeHeader, String(statusOf(code, reason))],
  ]
  if (ran === 'no') headers.push([ranHeader, 'no'])
  if (retryAfterMs !== undefined) headers.push([retryAfterHeader, String(Math.ceil(retryAfterMs))])
  return { body: bodyOf(jsonText(problemOf(failure))), headers }
}

/** Nothing that could end the header. */
export function headerText(message: string): string {
  const text = message.slice(0, 200).replace(/[^\x20-\x7e]/g, '?')
  return text === '' ? 'failed' : text
}

/** What is in an answer that came with headers: the failure, or undefined where it is none. */
export function failureIn(message: NatsMessage, spec: MethodSpec, peer: string): Awaitable<Outcome> | undefined {
  const { headers } = message
  if (headers === undefined) return undefined
  const metadata = receivedMetadata(headers, Number.POSITIVE_INFINITY) ?? new Map()
  const read = readFailure(message.data, metadata, peer)
  if (read === undefined) return undefined
  if ('_tag' in read) return left(read)
  const failure = failureFromWire(spec, read, peer)
  return failure instanceof Promise ? failure.then(left) : left<Failure | DomainFailure>(failure)
}

/** The failure in an answer: one of ours as it travels, any other as `UNEXPECTED_RESPONSE`; undefined where there is none. */
export function readFailure(
  data: Uint8Array,
  metadata: ReadonlyMap<string, string>,
  peer: string,
): WireFailure | Failure | undefined {
  if (!metadata.has(lowerErrorHeader) && !metadata.has(lowerCodeHeader)) return undefined
  return wireFailureIn(data, metadata) ?? foreignFailure(metadata, peer)
}

function wireFailureIn(data: Uint8Array, metadata: ReadonlyMap<string, string>): WireFailure | undefined {
  let problem: ReturnType<typeof failureOfProblem>
  try {
    problem = failureOfProblem(parseJson(textIn(data)))
  } catch {
    return undefined
  }
  if (problem === undefined) return undefined
  const retryAfter = metadata.get(retryAfterHeader)
  return {
    ...problem,
    ran: metadata.get(ranHeader) === 'no' ? 'no' : 'maybe',
    ...(retryAfter !== undefined && /^\d{1,12}$/.test(retryAfter) && { retryAfterMs: Number(retryAfter) }),
  }
}

/** Another maker's service: its code is an HTTP status, by custom. */
function foreignFailure(metadata: ReadonlyMap<string, string>, peer: string): Failure {
  const status = Number(metadata.get(lowerCodeHeader))
  const said = (metadata.get(lowerErrorHeader) ?? '').slice(0, 200)
  const details = { ...(Number.isInteger(status) && { status }), error: said }
  return failureOf(codeOf(status), 'UNEXPECTED_RESPONSE', `${peer} answered with an error: ${said}`, { peer, details })
}
