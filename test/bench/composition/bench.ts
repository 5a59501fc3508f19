// Ten layers around a function: what the way through a stack costs, and nothing else. Each contender does the same work in
// its layers (see `work.mjs`) and is written as its users would write it, in the cheapest way that it offers.
import type { Bench, Contender } from '../bench.js'

const file = 'composition/run.mjs'
const own = (name: string, module: string, variant: string): Contender => ({
  name,
  file,
  args: [`composition/${module}.mjs`, variant],
})
const peer = (name: string, module: string, variant = 'plain'): Contender => ({
  name,
  file,
  args: [`peers/composition/${module}.mjs`, variant],
})

const column = '10 layers'
const within = 'Tenon, within a call'
const call = 'Tenon, `call`'
const closures = 'async closures'
const closuresAssign = 'async closures, `Object.assign`'
const deadline = 'async closures and a deadline'
const effect = 'Effect 4, `tap`'
const nestjs = 'NestJS interceptors'
const fpts = 'fp-ts TaskEither'

export const composition: Bench = {
  name: 'composition',
  title: 'Layers with work before and after around an async function, one call at a time: ns of CPU time per call',
  contenders: [
    own(within, 'tenon', 'within'),
    own(call, 'tenon', 'call'),
    own(closuresAssign, 'closures', 'assign'),
    own(closures, 'closures', 'spread'),
    own(deadline, 'closures', 'spread and deadline'),
    peer('koa-compose', 'koa-compose'),
    peer('Moleculer, local call', 'moleculer'),
    peer('Effect 4, `map`', 'effect', 'map'),
    peer(effect, 'effect', 'tap'),
    peer('Effect 4, `gen`', 'effect', 'gen'),
    peer(nestjs, 'nestjs'),
    peer('oRPC, `call`', 'orpc'),
    peer(fpts, 'fp-ts', 'TaskEither'),
    peer('fp-ts ReaderTaskEither', 'fp-ts', 'ReaderTaskEither'),
    peer('tRPC, caller', 'trpc'),
  ],
  columns: ['0 layers', '1 layer', '5 layers', column],
  passes: [['0'], ['1'], ['5'], ['10']],
  rounds: 11,
  against: { contender: closures, column },
  targets: [
    { ours: within, theirs: closures, column, atMost: 0.6 },
    { ours: call, theirs: deadline, column, atMost: 0.6 },
    { ours: within, theirs: effect, column, atMost: 1 / 5 },
    { ours: within, theirs: nestjs, column, atMost: 1 / 20 },
    { ours: within, theirs: fpts, column, atMost: 1 / 20 },
    { ours: within, theirs: closuresAssign, column },
    { ours: call, theirs: closures, column },
    { ours: call, theirs: effect, column },
    { ours: call, theirs: nestjs, column },
    { ours: call, theirs: fpts, column },
  ],
  peers: ['koa-compose', 'moleculer', 'effect', '@nestjs/core', 'rxjs', '@orpc/server', 'fp-ts', '@trpc/server'],
}
