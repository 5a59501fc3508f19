// What each policy adds to a call that succeeds, beside cockatiel's and opossum's of the same name, and what it costs to refuse a call
// beside serving one over HTTP.
import type { Bench, Contender, Target } from '../bench.js'
import { served } from '../http/measured.js'
import { pinned } from '../pinned.js'

const column = 'ns'
const run = (name: string, module: string, policy: string): Contender => ({
  name,
  file: 'policies/run.mjs',
  args: [`${module}.mjs`, policy],
})
const own = (policy: string): Contender => run(policy, 'policies/tenon', policy)
const cockatiel = (policy: string): Contender => run(`${policy}: cockatiel`, 'peers/policies/cockatiel', policy)
const opossum = (policy: string): Contender => run(`${policy}: opossum`, 'peers/policies/opossum', policy)

const limiter = (name: string): Contender => run(`rateLimit: ${name}`, 'peers/policies/limiters', name)

const both = ['timeout', 'breaker', 'bulkhead', 'fallback']
const ofCockatiel = ['retry', ...both]
const ofOpossum = [...both, 'cache', 'singleFlight']
const ofLimiters = ['rate-limiter-flexible', 'limiter']
const alone = ['hedge', 'rateLimit', 'shed']
const stack = 'retry, breaker, timeout'
const recommended = ['resilientClient', 'resilientServer']
const refusals = ['refused by breaker', 'refused by shed']
const request = 'a request served over HTTP'

const target = (ours: string, peer: string, atMost?: number): Target => ({
  ours,
  theirs: `${ours}: ${peer}`,
  column,
  ...(atMost !== undefined && { atMost }),
})

export const policies: Bench = {
  name: 'policies',
  title: 'What a policy adds to a call that succeeds, one call at a time: ns of CPU time',
  contenders: [
    ...[
      'timeout',
      'retry',
      'breaker',
      'bulkhead',
      'fallback',
      'cache',
      'singleFlight',
      ...alone,
      stack,
      ...recommended,
    ].map(own),
    ...ofCockatiel.map(cockatiel),
    cockatiel(stack),
    ...ofOpossum.map(opossum),
    ...ofLimiters.map(limiter),
    ...refusals.map(own),
    { name: request, file: 'http/servers/tenon.mjs' },
  ],
  columns: [column],
  rounds: 17,
  against: { contender: 'timeout', column },
  targets: [
    ...ofCockatiel.map(policy => target(policy, 'cockatiel', 1)),
    ...both.map(policy => target(policy, 'opossum', 0.5)),
    ...['cache', 'singleFlight'].map(policy => target(policy, 'opossum', 0.5)),
    ...ofLimiters.map(peer => target('rateLimit', peer)),
    { ours: 'timeout', column, atMost: 1_000 },
    ...[stack, ...recommended].map(ours => ({ ours, column, atMost: 2_000 })),
    target(stack, 'cockatiel', 0.1),
    ...refusals.map(ours => ({ ours, theirs: request, column, atMost: 0.02 })),
  ],
  peers: ['cockatiel', 'opossum', ...ofLimiters],
  async run(contender) {
    if (contender.name !== request) return pinned(contender.file, contender.args ?? [])
    const [us = Number.NaN] = Object.values(await served(contender, ['post']))
    return { [column]: us * 1_000 }
  },
}
