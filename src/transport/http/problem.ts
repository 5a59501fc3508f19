// A failure as a response: problem details, and in headers what any client understands.
import type { WireFailure } from '../../contract/index.js'
import { statusOf } from '../../contract/index.js'
import { jsonText } from '../json.js'
import { problemOf } from '../problem.js'
import type { HttpResponse } from './message.js'

export const problemType = 'application/problem+json'

/** The response for a failure. Of one that is the server's own nothing else is read: no cause travels. */
export function problemResponse(
  failure: WireFailure,
  headers: readonly string[] = [],
  status: number = statusOf(failure.code, failure.reason),
): HttpResponse {
  const own = ['content-type', problemType]
  if (failure.ran === 'no') own.push('tenon-ran', 'no')
  if (failure.retryAfterMs !== undefined)
    own.push(
      'retry-after',
      String(Math.ceil(failure.retryAfterMs / 1000)),
      'tenon-retry-after-ms',
      String(Math.ceil(failure.retryAfterMs)),
    )
  return {
    status,
    headers: [...own, 'cache-control', 'no-store', ...withoutCaching(headers)],
    body: jsonText(problemOf(failure, status)),
  }
}

/** What a handler said of its response before it failed is not true of the failure: nobody may keep that. */
const aboutTheResponse: ReadonlySet<string> = new Set(['cache-control', 'etag', 'expires', 'last-modified'])

function withoutCaching(headers: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string // names and values in turn
    if (!aboutTheResponse.has(name)) kept.push(name, headers[i + 1] as string)
  }
  return kept
}
