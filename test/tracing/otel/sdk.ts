/** OpenTelemetry's SDK, registered as a program registers it, for one test; and what it was given. */
import { context, propagation, trace } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'
import { onTestFinished } from 'vitest'

export interface Sdk {
  readonly provider: NodeTracerProvider
  /** The spans that have ended, by name. */
  span(name: string): ReadableSpan
  readonly spans: readonly ReadableSpan[]
}

export function registerSdk(options: { readonly sampler?: Sampler } = {}): Sdk {
  const exporter = new InMemorySpanExporter()
  const provider = new NodeTracerProvider({ ...options, spanProcessors: [new SimpleSpanProcessor(exporter)] })
  provider.register({ propagator: new W3CTraceContextPropagator() })
  onTestFinished(async () => {
    await provider.shutdown()
    trace.disable()
    context.disable()
    propagation.disable()
  })
  return {
    provider,
    get spans() {
      return exporter.getFinishedSpans()
    },
    span(name) {
      const found = exporter.getFinishedSpans().filter(span => span.name === name)
      if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} spans are called ${name}`)
      return found[0]
    },
  }
}
