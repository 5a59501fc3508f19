// W3C Trace Context, level 2 (traceparent and tracestate). A version that is not known is read as version 00 where it begins like
// it, and sent on as 00, since that is all that is known of it.
import type { Metadata } from '../../core/index.js'
import type { Propagator } from '../propagator.js'
import type { TraceContext } from '../trace-context.js'
import { cutTraceState, toTraceState, withoutBlanks } from './trace-state.js'

const sampledFlag = 0x01
const randomFlag = 0x02

const rule = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/
/** Of version 00; others may be longer. */
const length = 55

/**
 * `traceparent` and `tracestate` (W3C Trace Context, level 2). A `tracestate` that breaks its rules is dropped and the rest kept, as
 * the specification says; one of more than 512 characters is cut when it is sent.
 */
export const w3c: Propagator = {
  name: 'w3c',
  fields: ['traceparent', 'tracestate'],
  extract: metadata => {
    const header = metadata.get('traceparent')
    return header === undefined ? undefined : parse(withoutBlanks(header), metadata)
  },
  inject: context => {
    if (context.traceId === undefined) return {} // it cannot tell a decision without a span
    const flags = (context.sampled === true ? sampledFlag : 0) | (context.random === true ? randomFlag : 0)
    const traceparent = `00-${context.traceId}-${context.spanId}-0${flags}`
    const { traceState } = context
    return traceState === undefined ? { traceparent } : { traceparent, tracestate: cutTraceState(traceState) }
  },
}

function parse(header: string, metadata: Metadata): TraceContext | undefined {
  if (!rule.test(header) || (header.length !== length && header.startsWith('00'))) return undefined
  const flags = Number.parseInt(header.slice(53, 55), 16)
  const states = metadata.get('tracestate')
  const traceState = states === undefined ? undefined : toTraceState(states)
  return {
    traceId: header.slice(3, 35),
    spanId: header.slice(36, 52),
    sampled: (flags & sampledFlag) !== 0,
    random: (flags & randomFlag) !== 0,
    ...(traceState === undefined ? {} : { traceState }),
    remote: true,
  }
}
