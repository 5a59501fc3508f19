// B3, the headers of Zipkin (openzipkin/b3-propagation): one header, or several. Ids of 64 bits are padded to 128 and go out
// short again. `0` alone says not to record, without naming a trace.
import type { Metadata } from '../../core/index.js'
import type { Propagator } from '../propagator.js'
import type { Decision, TraceContext } from '../trace-context.js'
import { withoutBlanks } from './trace-state.js'

const traceIdRule = /^(?!0+$)(?:[0-9a-f]{16}|[0-9a-f]{32})$/i
const spanIdRule = /^(?!0+$)[0-9a-f]{16}$/i
const padding = '0'.repeat(16)

/** What the headers say once they are apart; `state`: `0`, `1`, `d`, or absent, which leaves the decision to the receiver. */
interface Parts {
  readonly traceId?: string | undefined
  readonly spanId?: string | undefined
  readonly parentSpanId?: string | undefined
  readonly state?: string | undefined
}

/** `b3: {trace id}-{span id}-{sampling state}-{parent span id}`, the last two as needed, or a sampling state alone. */
export const b3: Propagator = {
  name: 'b3',
  fields: ['b3'],
  extract: metadata => {
    const header = metadata.get('b3')
    return header === undefined ? undefined : read(partsOf(withoutBlanks(header)))
  },
  inject: context => {
    const state = stateOf(context)
    if (context.traceId === undefined) return { b3: state ?? '0' }
    const ids = `${shortened(context.traceId)}-${context.spanId}`
    if (state === undefined) return { b3: ids } // a parent can only be told after a state
    return { b3: context.parentSpanId === undefined ? `${ids}-${state}` : `${ids}-${state}-${context.parentSpanId}` }
  },
}

/** `x-b3-traceid`, `x-b3-spanid`, `x-b3-parentspanid`, `x-b3-sampled` and, in place of that one, `x-b3-flags: 1` for debug. */
export const b3multi: Propagator = {
  name: 'b3multi',
  fields: ['x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled', 'x-b3-flags'],
  extract: metadata =>
    read({
      traceId: header(metadata, 'x-b3-traceid'),
      spanId: header(metadata, 'x-b3-spanid'),
      parentSpanId: header(metadata, 'x-b3-parentspanid'),
      state: multiState(metadata),
    }),
  inject: context => {
    const headers: Record<string, string> = {}
    if (context.traceId !== undefined) {
      headers['x-b3-traceid'] = shortened(context.traceId)
      headers['x-b3-spanid'] = context.spanId
      if (context.parentSpanId !== undefined) headers['x-b3-parentspanid'] = context.parentSpanId
    }
    const state = stateOf(context)
    if (state === 'd') headers['x-b3-flags'] = '1'
    else if (state !== undefined) headers['x-b3-sampled'] = state
    return headers
  },
}

function partsOf(header: string): Parts {
  const [first, spanId, state, parentSpanId, ...others] = header.split('-', 5)
  if (spanId === undefined) return { state: first }
  return others.length > 0 ? { state: 'invalid' } : { traceId: first, spanId, parentSpanId, state }
}

/** All parts are valid, or the whole says nothing. */
function read({ traceId, spanId, parentSpanId, state }: Parts): TraceContext | Decision | undefined {
  if (state !== undefined && state !== '0' && state !== '1' && state !== 'd') return undefined
  const debug = state === 'd' ? { debug: true } : {}
  const sampled = state === undefined ? undefined : state !== '0'
  if (traceId === undefined && spanId === undefined)
    return sampled === undefined || parentSpanId !== undefined ? undefined : { sampled, ...debug }
  if (traceId === undefined || !traceIdRule.test(traceId)) return undefined
  if (spanId === undefined || !spanIdRule.test(spanId)) return undefined
  if (parentSpanId !== undefined && !spanIdRule.test(parentSpanId)) return undefined
  return {
    traceId: traceId.toLowerCase().padStart(32, '0'),
    spanId: spanId.toLowerCase(),
    ...(parentSpanId === undefined ? {} : { parentSpanId: parentSpanId.toLowerCase() }),
    ...(sampled === undefined ? {} : { sampled }),
    ...debug,
    remote: true,
  }
}

/** Debug wins over what `x-b3-sampled` says; flags that are not 1 say nothing. `true` and `false` were sent by old libraries. */
function multiState(metadata: Metadata): string | undefined {
  if (header(metadata, 'x-b3-flags') === '1') return 'd'
  const sampled = header(metadata, 'x-b3-sampled')?.toLowerCase()
  if (sampled === 'd') return 'invalid' // it means debug in the single header only
  return sampled === 'true' ? '1' : sampled === 'false' ? '0' : sampled
}

function stateOf({ debug, sampled }: TraceContext | Decision): string | undefined {
  if (debug === true) return 'd'
  return sampled === undefined ? undefined : sampled ? '1' : '0'
}

function header(metadata: Metadata, name: string): string | undefined {
  const value = metadata.get(name)
  return value === undefined ? undefined : withoutBlanks(value)
}

function shortened(traceId: string): string {
  return traceId.startsWith(padding) ? traceId.slice(padding.length) : traceId
}
