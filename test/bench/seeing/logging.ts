// What `logging` adds to a call, beside what pino's child and info cost by themselves with the same fields: each a line of JSON to
// /dev/null, in batches of the same length.
import type { Bench, Contender } from '../bench.js'

const column = 'ns'
const run = (name: string, module: string, variant: string): Contender => ({
  name,
  file: 'policies/run.mjs',
  args: [module, variant],
})

const ours = 'logging'
const own = (variant: string): Contender => run(variant, 'seeing/logging.mjs', variant)
const pino = (variant: string): Contender => run(variant, 'peers/seeing/pino.mjs', variant)
const [child, without] = ['pino: child and info', 'pino: info']

export const seeingLogging: Bench = {
  name: 'seeing-logging',
  title: 'What a line of JSON per call adds to the call, in batches of 4 KiB to /dev/null: ns of CPU time',
  contenders: [ours, 'logging, sampled 1 in 100', 'a failure of the caller', 'logger']
    .map(own)
    .concat([child, without, 'pino: child and info, asynchronous'].map(pino)),
  columns: [column],
  rounds: 21, // the target is near: fewer leave it unclear
  against: { contender: ours, column },
  targets: [
    { ours, theirs: child, column, atMost: 0.5 },
    { ours: 'logger', theirs: without, column },
  ],
  peers: ['pino'],
}
