// Failures as responses of a `handler`: what it answers unless the codec has an `encodeFailure`, and what such a one begins with.
import { failureToWire, type WireFailure } from '../../contract/index.js'
import type { DomainFailure, Failure, OnDefect } from '../../core/index.js'
import type { HandlerResponse } from './handler-options.js'
import { problemResponse } from './problem.js'

/**
 * A failure as problem details (RFC 9457), with the status of its code unless `more` says another, in its head and its body alike.
 *
 * @example
 * ```ts
 * import { failureOf } from 'tenon'
 * import { problem } from 'tenon/transport/http'
 *
 * const teapot = problem(failureOf('failed_precondition', 'TEAPOT', 'there is no coffee'), { status: 418 })
 * console.assert(teapot.status === 418)
 * ```
 */
export function problem(
  failure: Failure,
  more: Pick<HandlerResponse, 'status' | 'headers'> = {},
): HandlerResponse & { readonly body: string } {
  return responseOf(failure, more)
}

/** Without a contract no domain failure is declared: an `encodeFailure` is needed for those. */
export function problemOfFailure(failure: Failure | DomainFailure, onDefect: OnDefect): HandlerResponse {
  return responseOf(failureToWire(undefined, failure, onDefect), {})
}

function responseOf(
  wire: WireFailure,
  more: Pick<HandlerResponse, 'status' | 'headers'>,
): HandlerResponse & { readonly body: string } {
  const { status, headers, body } = problemResponse(wire, [], more.status)
  const named: Record<string, string | readonly string[]> = {}
  for (let i = 0; i < headers.length; i += 2) named[headers[i] as string] = headers[i + 1] as string // names and values in turn
  return { status, headers: { ...named, ...more.headers }, body: String(body) }
}
