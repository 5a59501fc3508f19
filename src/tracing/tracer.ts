// Where spans come from: the ids, the decision to record, the formats and the reporters of one process.
import { defectsTo, observe } from '../core/call-error.js'
import { type Clock, type Metadata, type OnDefect, type Random, systemClock } from '../core/index.js'
import { noMetadata } from '../core/metadata.js'
import type { FinishedSpan } from './finished-span.js'
import { cryptoWords, NewTraceId, newSpanId, positionOf, type Words, wordsOf } from './ids.js'
import { type Limits, limitsOf, type SpanLimits } from './limits.js'
import { LocalTrace, type SpanHome } from './local-trace.js'
import { type FormatName, propagation } from './propagation/formats.js'
import type { Propagator } from './propagator.js'
import { RecordedSpan } from './recorded-span.js'
import type { Origin, Reporter } from './reporter.js'
import type { Sampler, SpanSeed } from './sampler.js'
import { always, parentBased } from './samplers.js'
import { SilentSpan } from './silent-span.js'
import type { Span, SpanOptions } from './span.js'
import type { Decision, TraceContext } from './trace-context.js'

/** Starts spans and reports them when they have ended. Holds no current span: that is `context.span`. */
export interface Tracer extends AsyncDisposable {
  /** The name of this service. */
  readonly service: string
  /** The formats of headers that it reads and writes. */
  readonly propagator: Propagator
  /** Starts a span, on `clock` if that is not the tracer's own. Never throws. */
  start(name: string, options?: SpanOptions, clock?: Clock): Span
  /** What a caller said about its trace; undefined where it said nothing. Never throws. */
  extract(metadata: Metadata): TraceContext | Decision | undefined
  /** Resolves when what has ended so far has been sent, or given up. Never rejects. */
  flush(): Promise<void>
  /** Flushes and closes the reporters. Spans that end later are lost. Never rejects. Give it to `serve` as one of its `resources`. */
  close(): Promise<void>
}

/** Options of {@link tracer}. */
export interface TracerOptions {
  /** The name of this service, as traces show it: `shop`. */
  readonly service: string
  /** Where spans go when they have ended, each of them. @defaultValue nowhere: traces are still joined and sent on */
  readonly reporters?: readonly Reporter[]
  /** Which spans are recorded. Debug traces (B3) always are. @defaultValue `parentBased(always)` */
  readonly sampler?: Sampler
  /**
   * The formats of headers: `w3c`, `b3`, `b3multi`, `sw8`, or one's own. Reads the first that is there and valid, in this order; writes
   * all of them. @defaultValue ['w3c', 'b3']
   */
  readonly formats?: readonly (FormatName | Propagator)[]
  /**
   * Whether a server's span takes the ids of the client's span that called it, as B3 does by default: Zipkin shows both as one. For traces
   * over B3, since W3C's headers do not tell the parent of the client's span. @defaultValue false: each span has its own id
   */
  readonly sharesSpans?: boolean
  /** @defaultValue 32 attributes, 64 events, 32 links, values of 1,024 */
  readonly limits?: SpanLimits
  /** This process among those of the service. @defaultValue 32 random hex digits */
  readonly instance?: string
  /** What else is known of this process: `{ version: '1.4.2' }`. @defaultValue nothing */
  readonly attributes?: Readonly<Record<string, string>>
  /** @defaultValue systemClock */
  readonly clock?: Clock
  /** For ids. @defaultValue `crypto.getRandomValues` */
  readonly random?: Random
  /** Told when a sampler, propagator or reporter throws, which they may not. @defaultValue one report on stderr */
  readonly onDefect?: OnDefect
}

/**
 * Makes a tracer. Throws `TypeError` without a service or for parts that are none, and `RangeError` for limits out of range.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { memoryReporter, tracer } from 'tenon/tracing'
 *
 * const reporter = memoryReporter()
 * const traces = tracer({ service: 'shop', reporters: [reporter] })
 * const span = traces.start('nightly stocktaking')
 * span.set('shelves', 12)
 * span.end()
 * assert.equal(reporter.spans[0]?.attributes['shelves'], 12)
 * ```
 */
export function tracer(options: TracerOptions): Tracer {
  return new LocalTracer(options)
}

class LocalTracer implements Tracer, SpanHome {
  readonly service: string
  readonly propagator: Propagator
  readonly origin: Origin
  readonly limits: Limits
  readonly words: Words
  readonly #reporters: readonly Reporter[]
  readonly #sampler: Sampler
  readonly #sharesSpans: boolean
  readonly #clock: Clock
  readonly #onDefect: OnDefect

  constructor(options: TracerOptions) {
    const { service, reporters = [], sampler = parentBased(always), clock = systemClock } = options
    if (typeof service !== 'string' || service === '') throw new TypeError('tracer: service must name this service')
    for (const each of reporters)
      if (typeof each?.report !== 'function') throw new TypeError('tracer: reporters must be reporters')
    if (typeof sampler?.shouldSample !== 'function') throw new TypeError('tracer: sampler must be a sampler')
    this.service = service
    this.propagator = propagation(options.formats ?? ['w3c', 'b3'])
    this.limits = limitsOf(options.limits)
    this.words = options.random === undefined ? cryptoWords() : wordsOf(options.random)
    this.origin = originOf(options, this.words)
    this.#reporters = reporters
    this.#sampler = sampler
    this.#sharesSpans = options.sharesSpans === true
    this.#clock = clock
    this.#onDefect = defectsTo(options.onDefect)
    for (const each of reporters) each.start?.(this.origin)
  }

  start(name: string, options: SpanOptions = {}, clock: Clock = this.#clock): Span {
    const { parent, kind = 'internal' } = options
    if (parent instanceof RecordedSpan && parent.trace.home === this) {
      const spanId = newSpanId(this.words)
      if (parent.trace.pending > 0)
        return new RecordedSpan({ trace: parent.trace, spanId, parent, shared: false }, name, options)
      const trace = this.#continued(parent, spanId, name)
      return new RecordedSpan({ trace, spanId, parent: undefined, shared: false }, name, options)
    }
    const above = parent?.traceId === undefined ? undefined : parent
    const id = above === undefined ? new NewTraceId(this.words) : above
    if (!this.#isSampled(name, kind, parent, id)) return silent(this, kind, id)
    const at = options.at ?? clock.now()
    const place = this.#begun(name, kind, id, { clock, at, debug: parent?.debug === true })
    return new RecordedSpan(place, name, options, at)
  }

  #isSampled(name: string, kind: Span['kind'], parent: SpanOptions['parent'], id: NewTraceId | TraceContext): boolean {
    if (parent?.debug === true) return true
    if (parent !== undefined && parent.traceId === undefined) return parent.sampled // a decision, and all that was said
    try {
      return this.#sampler.shouldSample(new Seed(name, kind, parent, id))
    } catch (thrown) {
      observe(this.#onDefect, thrown)
      return false
    }
  }

  #begun(
    name: string,
    kind: Span['kind'],
    id: NewTraceId | TraceContext,
    { clock, at, debug }: { readonly clock: Clock; readonly at: number; readonly debug: boolean },
  ): { readonly trace: LocalTrace; readonly spanId: string; readonly parent: undefined; readonly shared: boolean } {
    const isNew = id instanceof NewTraceId
    const shared = !isNew && this.#sharesSpans && kind === 'server' && !isSpan(id)
    const spanId = shared ? id.spanId : newSpanId(this.words)
    const trace = new LocalTrace(this, clock, {
      traceId: isNew ? id.toString() : id.traceId,
      rootId: spanId,
      rootName: name,
      remote: isNew ? undefined : elsewhere(id),
      at,
      debug,
      random: isNew || id.random === true,
    })
    return { trace, spanId, parent: undefined, shared }
  }

  /** Work that goes on after all else has ended. What ended has been reported as a whole, and cannot be added to. */
  #continued(parent: RecordedSpan, rootId: string, rootName: string): LocalTrace {
    const { traceId, spanId, sampled, debug, random, traceState, skywalking, trace } = parent
    const remote = { traceId, spanId, sampled, debug, random, traceState, skywalking } // the span itself would keep all before it
    const at = trace.clock.now()
    return new LocalTrace(this, trace.clock, { traceId, rootId, rootName, remote, at, debug, random })
  }

  extract(metadata: Metadata): TraceContext | Decision | undefined {
    if (metadata === noMetadata) return undefined
    try {
      return this.propagator.extract(metadata)
    } catch (thrown) {
      observe(this.#onDefect, thrown)
      return undefined
    }
  }

  finished(span: FinishedSpan): void {
    for (const each of this.#reporters) {
      try {
        each.report(span)
      } catch (thrown) {
        observe(this.#onDefect, thrown)
      }
    }
  }

  async flush(): Promise<void> {
    await this.#each(reporter => reporter.flush())
  }

  async close(): Promise<void> {
    await this.#each(reporter => reporter.close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #each(run: (reporter: Reporter) => Promise<void>): Promise<void> {
    const ended = this.#reporters.map(async reporter => {
      try {
        await run(reporter)
      } catch (thrown) {
        observe(this.#onDefect, thrown)
      }
    })
    await Promise.all(ended)
  }
}

/** The instance is drawn when it is asked for: where programs run at the edge, there is no chance while they load. */
function originOf({ service, instance, attributes = {} }: TracerOptions, words: Words): Origin {
  let drawn = instance
  return {
    service,
    attributes,
    get instance() {
      drawn ??= new NewTraceId(words).toString()
      return drawn
    },
  }
}

/** The place of a trace among all is worked out for samplers that ask. */
class Seed implements SpanSeed {
  readonly name: string
  readonly kind: Span['kind']
  readonly parent: TraceContext | undefined
  readonly #id: NewTraceId | TraceContext

  constructor(name: string, kind: Span['kind'], parent: TraceContext | undefined, id: NewTraceId | TraceContext) {
    this.name = name
    this.kind = kind
    this.parent = parent
    this.#id = id
  }

  get position(): number {
    return this.#id instanceof NewTraceId ? this.#id.position : positionOf(this.#id.traceId)
  }
}

function isSpan(context: TraceContext): boolean {
  return context instanceof RecordedSpan || context instanceof SilentSpan
}

/** What is no span of this process is another's, whoever read it. */
function elsewhere(context: TraceContext): TraceContext {
  return isSpan(context) ? context : { ...context, remote: true }
}

/** One that goes on is as good as another: nobody sees which of them it was. */
function silent(home: LocalTracer, kind: Span['kind'], id: NewTraceId | TraceContext): Span {
  return id instanceof SilentSpan ? id : new SilentSpan(home, kind, id)
}
