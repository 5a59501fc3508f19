// SkyWalking's header, version 3: where in which segment of whom the caller is. Its trace ids are any text; the hex ids that
// everything else needs are derived from them, and the text itself goes on beside.
import type { Propagator } from '../propagator.js'
import type { Sw8, TraceContext } from '../trace-context.js'
import { fromBase64, toBase64 } from './base64-text.js'
import { hexSpanId, hexTraceId } from './hashed-id.js'
import { withoutBlanks } from './trace-state.js'

/** What the specification allows a header. */
const maxLength = 2_048
const spanIdRule = /^(?:0|[1-9]\d{0,9})$/
const largestSpanId = 2 ** 31 - 1

/**
 * `sw8`. Says nothing of a span that has no place in a segment, as where spans are not reported to SkyWalking. A sample of 0 means
 * that the caller did not record: so do we.
 */
export const sw8: Propagator = {
  name: 'sw8',
  fields: ['sw8'],
  extract: metadata => {
    const header = metadata.get('sw8')
    const read = header === undefined ? undefined : sw8FromWire(withoutBlanks(header))
    if (read === undefined) return undefined
    const { sampled, ...skywalking } = read
    return toTraceContext(skywalking, sampled)
  },
  inject: context => {
    if (context.traceId === undefined || context.skywalking === undefined) return {}
    const header = sw8ToWire(context.skywalking, context.sampled !== false)
    return header === undefined ? {} : { sw8: header }
  },
}

/** The value of `sw8`. Undefined for what no header can hold: a span id that is none, more than 2 KiB. */
export function sw8ToWire(span: Sw8, sampled: boolean): string | undefined {
  if (!Number.isInteger(span.spanId) || span.spanId < 0 || span.spanId > largestSpanId) return undefined
  const texts = [span.service, span.instance, span.endpoint, span.address].map(toBase64)
  const ids = `${sampled ? 1 : 0}-${toBase64(span.traceId)}-${toBase64(span.segmentId)}-${span.spanId}`
  const header = `${ids}-${texts.join('-')}`
  return header.length > maxLength ? undefined : header
}

/** What a header says; undefined for one that is not whole. Instance, endpoint and address may be empty. */
export function sw8FromWire(header: string): (Sw8 & { readonly sampled: boolean }) | undefined {
  if (header.length > maxLength) return undefined
  const parts = header.split('-')
  const [sample, trace, segment, spanId = '', ...rest] = parts
  if (parts.length !== 8 || (sample !== '0' && sample !== '1') || !spanIdRule.test(spanId)) return undefined
  if (Number(spanId) > largestSpanId) return undefined
  const texts = [trace, segment, ...rest].map(each => fromBase64(each ?? ''))
  const [traceId, segmentId, service, instance, endpoint, address] = texts
  if (!traceId || !segmentId || !service) return undefined // empty ones, too
  if (instance === undefined || endpoint === undefined || address === undefined) return undefined
  return { sampled: sample === '1', traceId, segmentId, spanId: Number(spanId), service, instance, endpoint, address }
}

function toTraceContext(skywalking: Sw8, sampled: boolean): TraceContext {
  const spanId = hexSpanId(`${skywalking.segmentId}:${skywalking.spanId}`)
  return { traceId: hexTraceId(skywalking.traceId), spanId, sampled, skywalking, remote: true }
}
