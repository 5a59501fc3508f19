// A span per call, on either side: the server's joins the trace of whoever calls, a client's is what the next hop joins. What a span
// says is what every layer knows of a call; what is in a call (requests, metadata, texts of failures) never gets into one.
import {
  around,
  blame,
  type Context,
  isFailure,
  type MethodInfo,
  type Middleware,
  type Outcome,
  type Remote,
  withSpan,
} from '../core/index.js'
import type { Span, SpanAttributes, SpanKind, Tracer } from '../tracing/index.js'

/** Options of {@link tracing}. */
export interface TracingOptions {
  /**
   * What the spans are in their traces. @defaultValue 'server' for a call that was received and has no span yet; else 'client' where a
   * transport's client is called, 'internal' where none is
   */
  readonly kind?: SpanKind
  /** The spans' name. @defaultValue `service/method`, or `call` where the method is not known */
  readonly spanName?: (method: MethodInfo | undefined) => string
  /** What each span says besides. No secrets. @defaultValue nothing */
  readonly attributes?: SpanAttributes
}

/** The span of a call, and how many items went by. */
interface Traced {
  readonly span: Span
  readonly isServer: boolean
  requests: number
  responses: number
}

/**
 * Makes a span of each call: `context.span` further in. A server's span joins the trace that came in, read in the order of the tracer's
 * formats; a client's is part of the span that the call is made in, or of the trace that would have been sent on. What is sent names
 * the span and no other. A span ends when its call does; a stream is one span, with an event `message` for each item.
 *
 * Its attributes are `method`, `transport`, `code` (`ok`; of a domain failure `rejected`, and its `tag`), `reason`, `blame`, and `attempt` where a
 * call may be attempted again; its peer is who calls or is called. It has failed if the call has, but a server's not where its caller
 * is to blame. Not recorded: requests, responses, metadata, texts of failures.
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
    const begin = (context: Context): Span => {
      const own = kind ?? kindOf(context, remote)
      const parent = context.span ?? tracer.extract(own === 'server' ? context.metadata : context.outgoing)
      return tracer.start(name, { kind: own, parent, peer: own === 'server' ? undefined : remote?.peer }, context.clock)
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
        const entered = withSpan(context, span)
        if (!span.isRecording) return { context: entered }
        describe(span, context)
        return { context: entered, state: { span, isServer: span.kind === 'server', requests: 0, responses: 0 } }
      },
      item(of, traced) {
        if (traced === undefined) return
        const isSent = (of === 'request') !== traced.isServer
        const id = of === 'request' ? ++traced.requests : ++traced.responses
        traced.span.event('message', { type: isSent ? 'sent' : 'received', id })
      },
      exit(outcome, traced) {
        if (traced !== undefined) end(traced, outcome)
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

function end({ span, isServer, requests, responses }: Traced, outcome: Outcome): void {
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
  span.end()
}
