// The transports beside each other: the same service, served and called over each by Tenon, with the same headers and the same validation
// on both sides. What else one would serve or call with is beside each transport in its own benchmark.
import type { Bench, Contender, Figures } from '../bench.js'
import { natsBroker } from '../nats/broker.js'
import { own, type Pair, taken } from './pair.js'

const client = 'transports/client.mjs'

/** One transport a line. */
const pairs: readonly Pair[] = [
  own('memory', client, 'memory'),
  own('HTTP, node', client, 'http'),
  own('HTTP, Express', client, 'express'),
  own('gRPC', client, 'grpc'),
  own('NATS', client, 'nats', natsBroker),
]

/** Calls before and while it is measured, by how many go on at once; without a network between, so many times more. */
const counts: Readonly<Record<string, number>> = { 64: 10_000, 1: 3_000 }
const moreInMemory = 30

async function run({ name }: Contender, [inFlight = '1']: readonly string[]): Promise<Figures> {
  const pair = pairs.find(each => each.name === name)
  if (pair === undefined) throw new Error(`there is no ${name}`)
  const isAlone = name === 'memory' // one process, which calls
  const count = (counts[inFlight] ?? 0) * (isAlone ? moreInMemory : 1)
  const telling = { count, inFlight: Number(inFlight) }
  const { seconds, serverUs, clientUs } = await taken(pair, [telling, telling])
  return {
    [`${inFlight}: calls/s`]: count / seconds,
    [`${inFlight}: client, µs`]: clientUs / count,
    ...(!isAlone && { [`${inFlight}: server, µs`]: serverUs / count }),
  }
}

export const transports: Bench = {
  name: 'transports',
  title:
    'A method over each transport, with 64 calls in flight and with 1: calls/s, and µs of a side’s CPU time per call',
  contenders: pairs,
  columns: ['64', '1'].flatMap(width => ['calls/s', 'server, µs', 'client, µs'].map(what => `${width}: ${what}`)),
  passes: [['64'], ['1']],
  rounds: 7,
  against: { contender: 'HTTP, node', column: '64: calls/s' },
  targets: [],
  peers: ['undici', 'express', '@grpc/grpc-js', '@nats-io/transport-node', 'zod'],
  run,
}
