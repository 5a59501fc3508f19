// Makes our span OpenTelemetry's current one, for libraries that look there and know nothing of contexts that are passed on.
import { type Context as OtelContext, context as otelContext } from '@opentelemetry/api'
import { intercept, isRight, type Middleware, right } from '../../core/index.js'
import { isStream } from '../../core/stream.js'
import { OtelSpan } from './otel-span.js'

/**
 * What is further in runs with the span of the call as OpenTelemetry's current span, so that what instrumented libraries begin (queries of
 * a database, requests of `http`) is part of it. Needs a context manager, as `@opentelemetry/sdk-node` registers one. Where a handler
 * returns a stream, each item is made with the span as well.
 *
 * Belongs inside `tracing`, right around the handler. Does nothing where the span is not one of `otelTracer`.
 *
 * @example
 * ```ts
 * import { chain } from 'tenon'
 * import { tracing } from 'tenon/middleware'
 * import { ambientSpan, otelTracer } from 'tenon/tracing/otel'
 *
 * export const traced = chain(tracing(otelTracer()), ambientSpan())
 * ```
 */
export function ambientSpan(): Middleware {
  return intercept({
    name: 'ambientSpan',
    async run(next, request, context) {
      const { span } = context
      if (!(span instanceof OtelSpan)) return next(request, context)
      const outcome = await otelContext.with(span.within, () => next(request, context))
      return isRight(outcome) && isStream(outcome.right) ? right(within(span.within, outcome.right)) : outcome
    },
  })
}

/** A stream whose items are made in a context. */
function within(context: OtelContext, source: AsyncIterable<unknown>): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]() {
      const items = source[Symbol.asyncIterator]()
      return {
        next: () => otelContext.with(context, () => items.next()),
        return: async value => otelContext.with(context, () => items.return?.(value) ?? { done: true, value }),
      }
    },
  }
}
