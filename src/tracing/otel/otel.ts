// Spans of our own tracer for an exporter of OpenTelemetry's SDK, without the SDK: what a call costs is our span, and it is turned into
// one of OpenTelemetry's when it is sent.
import type { Attributes, AttributeValue, HrTime, Link, SpanContext, SpanKind, SpanStatus } from '@opentelemetry/api'
import { SpanStatusCode } from '@opentelemetry/api'
import {
  type BatchingOptions,
  type BatchingReporter,
  batching,
  type Exporter,
  type FinishedSpan,
  type Origin,
} from '../index.js'
import { attributesOf, attributesOfKind, attributesOfPeer, eventOf, otelKinds, schemaUrl } from './conventions.js'
import { toHrTime, toSpanContext } from './otel-context.js'

/** What sends spans: `OTLPTraceExporter`, or any other `SpanExporter` of the SDK 2. Said here, so that the package needs no SDK. */
export interface OtelSpanExporter {
  /** Sends spans; `done` is told 0 where they arrived. */
  export(spans: OtelReadableSpan[], done: (result: OtelExportResult) => void): void
  /** Releases what it holds. */
  shutdown(): Promise<void>
}

/** What became of an export. */
export interface OtelExportResult {
  /** 0: it arrived. */
  readonly code: number
  /** Why it did not. */
  readonly error?: Error
}

/** What the process is: as `resourceFromAttributes` makes it. */
export interface OtelResource {
  readonly attributes: Attributes
  readonly schemaUrl?: string
  /** One of both; what the other says wins. */
  merge(other: OtelResource | null): OtelResource
  /** The attributes as they were given. */
  getRawAttributes(): [string, AttributeValue | Promise<AttributeValue | undefined> | undefined][]
}

/** A span as exporters take it: `ReadableSpan`. */
export interface OtelReadableSpan {
  readonly name: string
  readonly kind: SpanKind
  /** Its names. */
  readonly spanContext: () => SpanContext
  readonly parentSpanContext?: SpanContext
  readonly startTime: HrTime
  readonly endTime: HrTime
  readonly duration: HrTime
  readonly status: SpanStatus
  readonly attributes: Attributes
  readonly links: Link[]
  readonly events: { readonly name: string; readonly time: HrTime; readonly attributes: Attributes }[]
  readonly ended: boolean
  readonly resource: OtelResource
  readonly instrumentationScope: { readonly name: string; readonly schemaUrl: string }
  readonly droppedAttributesCount: number
  readonly droppedEventsCount: number
  readonly droppedLinksCount: number
}

/** Options of {@link otel}. */
export interface OtelOptions extends BatchingOptions {
  /** What the process is. @defaultValue `service.name`, `service.instance.id` and the attributes of the tracer */
  readonly resource?: OtelResource
}

/**
 * A reporter for an exporter of OpenTelemetry's SDK, such as `OTLPTraceExporter`: for who wants OTLP and has no use for the SDK. Spans are
 * queued and sent as {@link batching} says, in the words of the semantic conventions 1.45.0. `close` shuts the exporter down. An exporter
 * has a limit of its own to how long it tries; one export that takes longer than `timeoutMs` is lost, and the next waits for its end.
 * Throws `TypeError` for what is no exporter, and as `batching` does.
 *
 * @example
 * ```ts no-run
 * import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
 * import { tracer } from 'tenon/tracing'
 * import { otel } from 'tenon/tracing/otel'
 *
 * const exporter = new OTLPTraceExporter({ url: 'http://localhost:4318/v1/traces' })
 * export const traces = tracer({ service: 'shop', reporters: [otel(exporter)] })
 * ```
 */
export function otel(exporter: OtelSpanExporter, options: OtelOptions = {}): BatchingReporter {
  if (typeof exporter?.export !== 'function') throw new TypeError('otel: needs a span exporter')
  const { resource, ...rest } = options
  return batching(new OtelExporter(exporter, resource), rest)
}

class OtelExporter implements Exporter {
  readonly name = 'opentelemetry'
  readonly #exporter: OtelSpanExporter
  #resource: OtelResource | undefined

  constructor(exporter: OtelSpanExporter, resource: OtelResource | undefined) {
    this.#exporter = exporter
    this.#resource = resource
  }

  start(origin: Origin): void {
    this.#resource ??= resourceOf(origin)
  }

  export(spans: readonly FinishedSpan[]): Promise<void> {
    const resource = this.#resource ?? fixedResource({})
    return new Promise((resolve, reject) => {
      this.#exporter.export(
        spans.map(span => readableSpan(span, resource)),
        ({ code, error }) => (code === 0 ? resolve() : reject(error ?? new Error('the exporter does not say why'))),
      )
    })
  }

  close(): Promise<void> {
    return this.#exporter.shutdown()
  }
}

function resourceOf({ service, instance, attributes }: Origin): OtelResource {
  return fixedResource({ ...attributes, 'service.name': service, 'service.instance.id': instance })
}

function fixedResource(attributes: Readonly<Record<string, string>>): OtelResource {
  return {
    attributes,
    merge: other => (other === null ? fixedResource(attributes) : other),
    getRawAttributes: () => Object.entries(attributes),
  }
}

function readableSpan(span: FinishedSpan, resource: OtelResource): OtelReadableSpan {
  const { context, parent, kind, startedAt, durationMs, error, dropped } = span
  const own = toSpanContext(context)
  return {
    name: span.name,
    kind: otelKinds[kind],
    spanContext: () => own,
    ...(parent === undefined ? {} : { parentSpanContext: toSpanContext(parent) }),
    startTime: toHrTime(startedAt),
    endTime: toHrTime(startedAt + durationMs),
    duration: toHrTime(durationMs),
    status: error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: error },
    attributes: said(span),
    links: span.links.map(link => ({ context: toSpanContext(link.context), attributes: link.attributes })),
    events: span.events.map(({ name, at, attributes }) => {
      const [called, about] = eventOf(name, attributes)
      return { name: called, time: toHrTime(at), attributes: about }
    }),
    ended: true,
    resource,
    instrumentationScope: { name: 'tenon', schemaUrl },
    droppedAttributesCount: dropped.attributes,
    droppedEventsCount: dropped.events,
    droppedLinksCount: dropped.links,
  }
}

function said({ kind, attributes, peer, error }: FinishedSpan): Attributes {
  const all = attributesOfKind(kind)
  for (const [name, value] of Object.entries(attributes)) Object.assign(all, attributesOf(kind, name, value))
  if (peer !== undefined) Object.assign(all, attributesOfPeer(kind, peer))
  if (error !== undefined) all['error.type'] = attributes['reason'] ?? '_OTHER'
  return all
}
