// A span per call, on either side: the server's joins the trace of whoever calls, a client's is what the next hop joins. What a span
// says is what every layer knows of a call; what is in a call (requests, metadata, texts of failures) never gets into one.
import {
  around,
  blame,
  type Clock,
  type Context,
  type HttpSource,
  isFailure,
  type MethodInfo,
  type Middleware,
  type Outcome,
  type Remote,
  withSpan,
} from '../core/index.js'
import type { Span, SpanAttributes, SpanKind, Tracer } from '../tracing/index.js'
import { describeSent, describeServed, sentTo } from './http-span.js'

/** Options of {@link tracing}. */
export interface TracingOptions {
  /**
   * What the spans are in their traces. A `consumer` of what a transport received begins a trace, with a link to the span of the
   * producer. @defaultValue 'server' for a call that was received and has no span yet; else 'client' where a
   * transport's client is called, 'internal' where none is
   */
  readonly kind?: SpanKind
  /** The spans' name. @defaultValue `service/method`, or `call` where the method is not known */
  readonly spanName?: (method: MethodInfo | undefined) => string
  /** What each span says besides. No secrets. @defaultValue nothing */
  readonly attributes?: SpanAttributes
}

/** The span of a call, and how many items went by. */
class Traced {
  readonly span: Span
  requests = 0
  responses = 0
  readonly #clock: Clock
  /** The status of the answer is still to come. */
  #isUnanswered: boolean
  #endedAt: number | undefined

  constructor(span: Span, source: HttpSource | undefined, clock: Clock) {
    this.span = span
    this.#clock = clock
    this.#isUnanswered = source !== undefined
    if (source !== undefined) source.onStatus = status => this.#answered(status)
  }

  #answered(status: number): void {
    this.#isUnanswered = false
    this.span.set('http.status_code', status)
    if (this.#endedAt !== undefined) this.span.end(this.#endedAt)
  }

  /** The call is over; of a call that came over HTTP, its answer is known later than that. */
  over(): void {
    if (this.#isUnanswered) this.#endedAt = this.#clock.now()
    else this.span.end()
  }
}

/**
 * Makes a span of each call: `context.span` further in. A server's span joins the trace that came in, read in the order of the tracer's
 * formats; a client's is part of the span that the call is made in, or of the trace that would have been sent on. What is sent names
 * the span and no other. A span ends when its call does; a stream is one span, with an event `message` for each item.
 *
 * Its attributes are `method`, `transport`, `code` (`ok`; of a domain failure `rejected`, and its `tag`), `reason`, `blame`, and `attempt` where a
 * call may be attempted again; its peer is who calls or is called. It has failed if the call has, but a server's not where its caller
 * is to blame. Over HTTP there are `http.method`, `http.route` (of a client `http.url`: the same with all before it), `http.scheme`,
 * `http.version` and `http.status_code` besides, and a server's span is handed on when its answer is. Not recorded: requests, responses,
 * metadata, texts of failures, nor what stands in a path in place of a parameter.
 *
 * Belongs outermost on a server, and innermost on a client: inside `retry` each attempt is a span. `logging` inside it knows the trace.
 * Throws `TypeError` for what is no tracer.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { call, fromPromise } from 'tenon'
 * import { tracing } from 'tenon/middleware'
 * import { memoryReporter, tracer } from 'tenon/tracing'
 *
 * const reporter = memoryReporter()
 * const traced = tracing(tracer({ service: 'shop', reporters: [reporter] }))
 * await call(traced(fromPromise(async () => 'done')), {})
 * assert.equal(reporter.spans[0]?.attributes['code'], 'ok')
 * ```
 */
export function tracing(tracer: Tracer, options: TracingOptions = {}): Middleware {
  if (typeof tracer?.start !== 'function') throw new TypeError('tracing: needs a tracer')
  const { kind, spanName = nameOf, attributes } = options
  return around<Traced | undefined>((method, remote) => {
    const name = spanName(method)
    const http = remote?.http === undefined ? undefined : sentTo(remote.http, method)
    const begin = (context: Context): Span => {
      const own = kind ?? kindOf(context, remote)
      if (own === 'consumer' && context.transport !== undefined) return consuming(context)
      const parent = context.span ?? tracer.extract(own === 'server' ? context.metadata : context.outgoing)
      return tracer.start(name, { kind: own, parent, peer: own === 'server' ? undefined : remote?.peer }, context.clock)
    }
    // A message is handled when its producer has long gone on: a trace of its own, linked to the one it comes from.
    const consuming = (context: Context): Span => {
      const producer = tracer.extract(context.metadata)
      const links = producer?.traceId === undefined ? [] : [{ context: producer, attributes: {} }]
      return tracer.start(name, { kind: 'consumer', parent: context.span, links }, context.clock)
    }
    const describe = (span: Span, context: Context): void => {
      if (method !== undefined) span.set('method', `${method.service}/${method.name}`)
      const transport = context.transport ?? remote?.transport
      if (transport !== undefined) span.set('transport', transport)
      if (context.maxAttempts > 1) span.set('attempt', context.attempt)
      if (span.kind === 'server') span.setPeer(context.peer.address)
      if (attributes !== undefined) span.setAll(attributes)
    }
    return {
      name: 'tracing',
      options: { service: tracer.service, ...(kind !== undefined && { kind }) },
      enter(context) {
        const span = begin(context)
        if (span === context.span) return undefined // nobody records, and what is sent stays the same
        if (!span.isRecording) return { context: withSpan(context, span) }
        describe(span, context)
        const isServer = span.kind === 'server'
        const traced = new Traced(span, isServer ? describeServed(span, context, method) : undefined, context.clock)
        if (isServer || http === undefined) return { context: withSpan(context, span), state: traced }
        describeSent(span, http)
        return { context: withSpan(context, span, status => span.set('http.status_code', status)), state: traced }
      },
      item(of, traced) {
        if (traced === undefined) return
        const isSent = (of === 'request') !== (traced.span.kind === 'server')
        const id = of === 'request' ? ++traced.requests : ++traced.responses
        traced.span.event('message', { type: isSent ? 'sent' : 'received', id })
      },
      exit(outcome, traced) {
        if (traced === undefined) return
        say(outcome, traced)
        traced.over()
      },
    }
  })
}

function nameOf(method: MethodInfo | undefined): string {
  return method === undefined ? 'call' : `${method.service}/${method.name}`
}

function kindOf({ transport, span }: Context, remote: Remote | undefined): SpanKind {
  if (transport !== undefined && span === undefined) return 'server'
  return remote === undefined ? 'internal' : 'client'
}

function say(outcome: Outcome, { span, requests, responses }: Traced): void {
  const isServer = span.kind === 'server'
  if (requests > 0) span.set('requests', requests)
  if (responses > 0) span.set('responses', responses)
  if (outcome._tag === 'Right') span.set('code', 'ok')
  else if (!isFailure(outcome.left)) {
    span.set('code', 'rejected')
    span.set('tag', outcome.left._tag)
  } else {
    const { code, reason, peer } = outcome.left
    if (!isServer && peer !== undefined) span.setPeer(peer)
    const toBlame = blame(outcome.left)
    span.set('code', code)
    span.set('reason', reason)
    span.set('blame', toBlame)
    if (!isServer || toBlame !== 'caller') span.fail({ message: `${code}/${reason}` })
  }
}
