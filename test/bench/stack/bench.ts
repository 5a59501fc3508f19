// A service as it is run: orders over HTTP with all that stands around them, beside Fastify and Express with the plugins that do the same.
import type { Bench, Contender } from '../bench.js'
import { column, served } from './measured.js'
import { profileOf } from './profile.js'

const own = (name: string, ...args: readonly string[]): Contender => ({ name, file: 'stack/servers/tenon.mjs', args })
/** How often what others do is measured: their distance from a target is greater than their spread. */
const rounds = 6
const peer = (name: string, module: string, ...args: readonly string[]): Contender => ({
  name,
  file: `peers/stack/${module}.mjs`,
  args,
  rounds,
})

const inOne = (name: string, ...args: readonly string[]): Contender => ({
  name,
  file: 'stack/servers/by-hand.mjs',
  args,
  rounds,
})

const [tenon, fastify, express, byHand] = ['Tenon', 'Fastify 5', 'Express 5', 'one function by hand']
const whole = (name: string) => `${name}, the whole stack`
const uncached = (name: string) => `${whole(name)}, each token verified`
const bare = (name: string) => `${name}, none of it`

const among = (make: (name: string) => string, theirs: string, atMost: number) => {
  return { ours: make(tenon), theirs: make(theirs), column, atMost }
}

export const stack: Bench = {
  name: 'stack',
  title:
    'Orders over HTTP with authentication, authorisation, a rate limit, a breaker, a timeout, a log, metrics and traces: µs of the server’s CPU time per order',
  contenders: [
    own(whole(tenon)),
    own(uncached(tenon), 'uncached'),
    own(bare(tenon), 'bare'),
    inOne(whole(byHand)),
    inOne(uncached(byHand), 'uncached'),
    inOne(bare(byHand), 'bare'),
    peer(whole(fastify), 'fastify'),
    peer(uncached(fastify), 'fastify', 'uncached'),
    peer(bare(fastify), 'fastify', 'bare'),
    peer(whole(express), 'express'),
    peer(uncached(express), 'express', 'uncached'),
    peer(bare(express), 'express', 'bare'),
  ],
  columns: [column],
  rounds: 12,
  against: { contender: whole(tenon), column },
  targets: [
    ...[whole, uncached].flatMap(make => [among(make, fastify, 0.5), among(make, express, 0.2)]),
    { ours: whole(tenon), theirs: bare(tenon), column, atMost: 1.4 },
    { ours: whole(tenon), theirs: bare(fastify), column },
    { ours: uncached(tenon), theirs: bare(tenon), column },
    { ours: whole(tenon), theirs: whole(byHand), column },
    { ours: uncached(tenon), theirs: uncached(byHand), column },
    // What the last of the targets ask for, where nothing can be taken apart any more.
    { ours: whole(byHand), theirs: bare(byHand), column },
    { ours: uncached(byHand), theirs: uncached(express), column },
  ],
  peers: [
    'fastify',
    '@fastify/jwt',
    '@fastify/rate-limit',
    'express',
    'jsonwebtoken',
    'express-rate-limit',
    'pino',
    'prom-client',
    'cockatiel',
    'zipkin',
    'zod',
  ],
  run: async contender => ({ [column]: (await served(contender)).us }),
  appendix: () => profileOf(own(whole(tenon))),
}

const shareColumn = 'ns'
const each = ['tracing', 'logging', 'metrics', 'authenticate', 'rateLimit', 'authorize', 'breaker', 'timeout']
const [all, allVerified] = ['the whole stack', 'the whole stack, each token verified']
const cold = ['64 KiB', '256 KiB'].map(much => `${all}, ${much} read in between`)

/** The same middleware, without the wire. */
export const stackShares: Bench = {
  name: 'stack-shares',
  title: 'What each middleware of that stack costs in it, one call at a time: ns of CPU time',
  contenders: [all, ...each, allVerified, 'authenticate, each token verified', ...cold].map(name => ({
    name,
    file: 'policies/run.mjs',
    args: ['stack/shares.mjs', name],
  })),
  columns: [shareColumn],
  rounds: 12,
  against: { contender: all, column: shareColumn },
  targets: [],
  peers: ['jsonwebtoken', 'zod'],
}
