// What `metrics` adds to a call, beside what the calls of prom-client that record the same cost by themselves: in flight, counted by code
// and blame, its duration in a histogram.
import type { Bench, Contender } from '../bench.js'

const column = 'ns'
const run = (name: string, module: string, variant: string): Contender => ({
  name,
  file: 'policies/run.mjs',
  args: [module, variant],
})

const ours = 'metrics'
const [one, lookedUp] = ['a histogram', 'a histogram, looked up']
const own = (variant: string): Contender => run(variant, 'seeing/metrics.mjs', variant)
const theirs = (variant: string): Contender => run(variant, 'peers/seeing/prom-client.mjs', variant)
const [calls, histogram, bound] = [
  'prom-client: the same',
  'prom-client: a histogram',
  'prom-client: a histogram, bound',
]

export const seeingMetrics: Bench = {
  name: 'seeing-metrics',
  title: 'What metrics of calls add to a call: ns of CPU time',
  contenders: [ours, 'a failure of the caller', one, lookedUp].map(own).concat([calls, histogram, bound].map(theirs)),
  columns: [column],
  rounds: 11,
  against: { contender: ours, column },
  targets: [
    { ours, theirs: calls, column, atMost: 0.2 },
    { ours: one, theirs: bound, column, atMost: 0.2 },
    { ours: lookedUp, theirs: histogram, column },
  ],
  peers: ['prom-client'],
}
