// Which trace a call belongs to, for all that only wants to name it: a log line, an exemplar, a report.
import type { Context } from './context.js'

// W3C Trace Context, version 00 and what later versions keep of it; neither id may be all zeros.
const traceparent = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-|$)/

/**
 * The id of the trace that the call belongs to: its span's, or where nobody traces here, the one that its caller named in `traceparent`.
 * `undefined` where there is none.
 */
export function traceIdOf(context: Context): string | undefined {
  const { span } = context
  if (span !== undefined) return span.traceId
  const claimed = context.metadata.get('traceparent')
  return claimed !== undefined && traceparent.test(claimed) ? claimed.slice(3, 35) : undefined
}
