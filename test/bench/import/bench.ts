// What `import 'tenon'` adds to the start of a process: of interest to command line tools, to functions that are started
// for each request, and as a sign of how much is loaded that nobody asked for.
import type { Bench, Contender } from '../bench.js'

const run = (name: string, script: string): Contender => ({ name, file: 'import/run.mjs', args: [script] })

const empty = 'empty script'
const ours = "`import 'tenon'`"

export const imports: Bench = {
  name: 'import',
  title: 'A process that imports one package and ends: ms from its start to its end',
  contenders: [
    run(empty, 'import/empty.mjs'),
    run(ours, 'import/tenon.mjs'),
    run('fp-ts: ReaderTaskEither and function', 'peers/import/fp-ts.mjs'),
    run('@trpc/server', 'peers/import/trpc.mjs'),
    run('@orpc/server', 'peers/import/orpc.mjs'),
    run('Moleculer', 'peers/import/moleculer.mjs'),
    run('Effect 4', 'peers/import/effect.mjs'),
    run('@nestjs/core', 'peers/import/nestjs.mjs'),
  ],
  columns: ['CPU', 'wall clock'],
  rounds: 25,
  against: { contender: empty, column: 'CPU' },
  targets: [
    { ours, theirs: empty, column: 'CPU', atMost: 1.35 },
    { ours, theirs: empty, column: 'wall clock', atMost: 1.35 },
  ],
  peers: ['fp-ts', '@trpc/server', '@orpc/server', 'moleculer', 'effect', '@nestjs/core'],
}
