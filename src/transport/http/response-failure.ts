// What a response that is no success means: our own problem details, or whatever a proxy or another maker's server said.
import type { WireFailure } from '../../contract/index.js'
import { type Failure, failureOf } from '../../core/index.js'
import { codeOf } from '../code-of-status.js'
import { parseJson } from '../json.js'
import { failureOfProblem } from '../problem.js'
import { ranHeader, retryAfterHeader } from '../wire-headers.js'
import { type HttpHeaders, headerOf } from './message.js'

/** A response that was read to its end. */
export interface ReadResponse {
  readonly status: number
  readonly headers: HttpHeaders
  readonly text: string
  readonly isProblem: boolean
}

/** The failure in a response; one of ours as it travels, any other as `UNEXPECTED_RESPONSE` with a `peer`. */
export function responseFailure(
  { status, headers, text, isProblem }: ReadResponse,
  peer: string,
): WireFailure | Failure {
  const retryAfterMs = retryAfter(headers)
  const more = retryAfterMs === undefined ? {} : { retryAfterMs }
  const problem = isProblem ? failureOfProblem(parsed(text)) : undefined
  if (problem !== undefined) return { ...problem, ran: headerOf(headers, ranHeader) === 'no' ? 'no' : 'maybe', ...more }
  const location = status >= 300 && status < 400 ? headerOf(headers, 'location') : undefined
  const message = `${peer} answered ${status}${status < 300 ? ' with something else than a response of this method' : ''}`
  return failureOf(status < 300 ? 'internal' : codeOf(status), 'UNEXPECTED_RESPONSE', message, {
    peer,
    details: { status, ...(location !== undefined && { location: location.slice(0, 200) }) },
    ...more,
  })
}

function parsed(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

function retryAfter(headers: HttpHeaders): number | undefined {
  const exact = headerOf(headers, retryAfterHeader)
  if (exact !== undefined && /^\d{1,12}$/.test(exact)) return Number(exact)
  const value = headerOf(headers, 'retry-after')
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now())
}
