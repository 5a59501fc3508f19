// A tracer whose spans are OpenTelemetry's: whatever SDK is registered samples, bounds and exports them. It keeps no queue, since the
// SDK has one, and joins what is there already: instrumented servers and whatever the program itself has begun.
import {
  createContextKey,
  type Span as OtelApiSpan,
  type Tracer as OtelApiTracer,
  type Context as OtelContext,
  context as otelContext,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import { defectsTo, observe } from '../../core/call-error.js'
import { type Clock, type Metadata, type OnDefect, systemClock, type Timer } from '../../core/index.js'
import {
  type Decision,
  type FormatName,
  type Propagator,
  propagation,
  type Span,
  type SpanOptions,
  type TraceContext,
  type Tracer,
} from '../index.js'
import { attributesOf, attributesOfKind, attributesOfPeer, otelKinds, schemaUrl } from './conventions.js'
import { toSpanContext } from './otel-context.js'
import { currentSpan, momentOf, type OtelHome, OtelSpan } from './otel-span.js'

/** Options of {@link otelTracer}. */
export interface OtelTracerOptions {
  /** What gives the spans. @defaultValue the provider that is registered with `@opentelemetry/api`, also if that happens later */
  readonly provider?: TracerProvider
  /**
   * The formats of headers, as of `tracer`: reads the first that is there and valid, writes all. `[registered]` uses those that are
   * registered with `@opentelemetry/api`. @defaultValue ['w3c']
   */
  readonly formats?: readonly (FormatName | Propagator)[]
  /** What `explain` calls this service; traces show the `service.name` of the SDK's resource. @defaultValue 'opentelemetry' */
  readonly service?: string
  /** How long `flush` and `close` wait for the SDK, in ms, more than 0. @defaultValue 1 500 */
  readonly flushTimeoutMs?: number
  /** @defaultValue systemClock */
  readonly clock?: Clock
  /** Told when the SDK throws, which it should not. @defaultValue one report on stderr */
  readonly onDefect?: OnDefect
}

/**
 * Makes a tracer of OpenTelemetry's API. A span is part of the span that it is given; where none is, of OpenTelemetry's current one; else of
 * the trace that came in. A span of OpenTelemetry's that was begun inside ours, and is current when a call is made, is the call's parent.
 * Names and attributes follow the semantic conventions 1.45.0. Without an SDK nothing is recorded, and traces are sent on as they came.
 *
 * Of what a caller decided, `0` is obeyed; `1` and debug without a trace are left to the SDK's sampler. `close` flushes the SDK and does not
 * shut it down: it is not ours. Throws `RangeError` for `flushTimeoutMs` out of range, and `TypeError` for a format that is none.
 *
 * @example
 * ```ts
 * import { call, fromPromise } from 'tenon'
 * import { tracing } from 'tenon/middleware'
 * import { otelTracer } from 'tenon/tracing/otel'
 *
 * const traced = tracing(otelTracer())
 * await call(traced(fromPromise(async () => 'done')), {})
 * ```
 */
export function otelTracer(options: OtelTracerOptions = {}): Tracer {
  return new OtelTracer(options)
}

/** The SDK's own switch, which the API has no name for. Keys of the same description are the same key. */
const suppressed = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

class OtelTracer implements Tracer, OtelHome {
  readonly service: string
  readonly propagator: Propagator
  readonly onDefect: OnDefect
  readonly #provider: TracerProvider | undefined
  readonly #tracer: OtelApiTracer
  readonly #clock: Clock
  readonly #flushTimeoutMs: number

  constructor(options: OtelTracerOptions) {
    const { provider, formats = ['w3c'], service = 'opentelemetry', flushTimeoutMs = 1_500 } = options
    if (!(flushTimeoutMs > 0))
      throw new RangeError(`otelTracer: flushTimeoutMs must be more than 0, got ${flushTimeoutMs}`)
    this.service = service
    this.propagator = propagation(formats)
    this.onDefect = defectsTo(options.onDefect)
    this.#provider = provider
    // Not trace.getTracer, which passes no schema on.
    this.#tracer = (provider ?? trace.getTracerProvider()).getTracer('tenon', undefined, { schemaUrl })
    this.#clock = options.clock ?? systemClock
    this.#flushTimeoutMs = flushTimeoutMs
  }

  start(name: string, options: SpanOptions = {}, clock: Clock = this.#clock): Span {
    const { kind = 'internal', parent, at, peer, attributes = {}, links = [] } = options
    const current = otelContext.active()
    const outer = currentSpan(current)
    const below = contextOf(parent, current, outer)
    const hasOwnTime = clock !== systemClock
    const said = Object.entries(attributes).map(([key, value]) => attributesOf(kind, key, value))
    const span = this.#started(name, below, {
      kind: otelKinds[kind],
      attributes: Object.assign(
        attributesOfKind(kind),
        peer === undefined ? undefined : attributesOfPeer(kind, peer),
        ...said,
      ),
      links: links.map(({ context, attributes: about }) => ({ context: toSpanContext(context), attributes: about })),
      ...(at === undefined && !hasOwnTime ? {} : { startTime: momentOf(clock, at) }),
    })
    return new OtelSpan(this, { span, context: trace.setSpan(below, span), outer, name, kind, clock, hasOwnTime })
  }

  #started(name: string, below: OtelContext, options: Parameters<OtelApiTracer['startSpan']>[1]): OtelApiSpan {
    try {
      return this.#tracer.startSpan(name, options, below)
    } catch (thrown) {
      observe(this.onDefect, thrown)
      return currentSpan(below) ?? silent
    }
  }

  extract(metadata: Metadata): TraceContext | Decision | undefined {
    if (metadata.size === 0) return undefined
    try {
      const found = this.propagator.extract(metadata)
      return found?.traceId === undefined ? found : { ...found, remote: true }
    } catch (thrown) {
      observe(this.onDefect, thrown)
      return undefined
    }
  }

  async flush(): Promise<void> {
    let timer: Timer | undefined
    const patience = new Promise<void>(resolve => {
      timer = this.#clock.setTimer(resolve, this.#flushTimeoutMs)
    })
    try {
      await Promise.race([forceFlush(this.#provider ?? trace.getTracerProvider()), patience])
    } catch {
      // It did not arrive, which the SDK tells whoever listens to its diagnostics.
    } finally {
      timer?.cancel()
    }
  }

  close(): Promise<void> {
    return this.flush()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** A span that belongs to nothing. */
const silent = trace.wrapSpanContext({ traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 })

/** What a new span begins in. */
function contextOf(parent: SpanOptions['parent'], current: OtelContext, outer: OtelApiSpan | undefined): OtelContext {
  if (parent instanceof OtelSpan) {
    // What is current has changed since our span began: something was begun inside it.
    const isInside = outer !== undefined && outer !== parent.outer && outer.spanContext().traceId === parent.traceId
    return isInside ? current : parent.within
  }
  if (outer !== undefined) return current
  if (parent === undefined) return current
  if (parent.traceId === undefined) return parent.sampled ? current : current.setValue(suppressed, true)
  return trace.setSpanContext(current, toSpanContext(parent))
}

/** Providers of the SDK can be flushed; the API's own stand-in passes it on to the one that was registered. */
async function forceFlush(provider: TracerProvider): Promise<void> {
  const delegate: unknown = Reflect.get(provider, 'getDelegate')
  const real: unknown = typeof delegate === 'function' ? delegate.call(provider) : provider
  if (typeof real !== 'object' || real === null) return
  const flush: unknown = Reflect.get(real, 'forceFlush')
  if (typeof flush === 'function') await flush.call(real)
}
