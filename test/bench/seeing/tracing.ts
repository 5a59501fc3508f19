// What `tracing` adds to a call, beside what a span of OpenTelemetry's SDK with the same name and attributes costs, in batches to an
// exporter that takes everything.
import type { Bench, Contender } from '../bench.js'

const column = 'ns'
const run = (name: string, module: string): Contender => ({ name, file: 'policies/run.mjs', args: [module, name] })
const own = (name: string): Contender => run(name, 'seeing/tracing.mjs')
const otel = (name: string): Contender => run(name, 'seeing/otel.mjs')

const [unsampled, sampled] = ['tracing, not sampled', 'tracing, sampled']
const [theirs, theirsNot] = ['OpenTelemetry: a span', 'OpenTelemetry: a span, not sampled']

export const seeingTracing: Bench = {
  name: 'seeing-tracing',
  title: 'What a span per call adds to the call, exported in batches: ns of CPU time',
  contenders: [
    ...[unsampled, 'tracing, a trace joined, not sampled', sampled, 'tracing, a trace joined, sampled'].map(own),
    ...[theirs, theirsNot].map(otel),
  ],
  columns: [column],
  rounds: 11,
  against: { contender: sampled, column },
  targets: [
    { ours: unsampled, column, atMost: 300 },
    { ours: sampled, theirs, column, atMost: 0.8 },
  ],
  peers: ['@opentelemetry/sdk-trace-base'],
}
