// Contexts of traces and moments, as OpenTelemetry has them and as we have them. They say the same.
import { createTraceState, type HrTime, type SpanContext, TraceFlags } from '@opentelemetry/api'
import type { TraceContext } from '../index.js'

/** Level 2 of W3C's Trace Context; the API does not name it yet. */
const randomFlag = 0x02

/** What OpenTelemetry knows of it. */
export function toSpanContext({ traceId, spanId, sampled, random, traceState, remote }: TraceContext): SpanContext {
  const flags = (sampled === true ? TraceFlags.SAMPLED : TraceFlags.NONE) | (random === true ? randomFlag : 0)
  return {
    traceId,
    spanId,
    traceFlags: flags,
    isRemote: remote === true,
    ...(traceState === undefined ? {} : { traceState: createTraceState(traceState) }),
  }
}

/** What we know of it. */
export function toTraceContext({ traceId, spanId, traceFlags, traceState, isRemote }: SpanContext): TraceContext {
  const state = traceState?.serialize()
  return {
    traceId,
    spanId,
    sampled: (traceFlags & TraceFlags.SAMPLED) !== 0,
    random: (traceFlags & randomFlag) !== 0,
    remote: isRemote === true,
    ...(state ? { traceState: state } : {}),
  }
}

/** Milliseconds as seconds and nanoseconds: a plain number could be taken for one of the SDK's own clock. */
export function toHrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000)
  return [seconds, Math.min(999_999_999, Math.round((ms - seconds * 1_000) * 1e6))]
}
