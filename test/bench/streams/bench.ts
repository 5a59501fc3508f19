// Streams over each transport: how fast, and how much memory while the reader takes a tenth, or less, of what the handler could make.
import type { Bench, Contender, Figures } from '../bench.js'
import { natsBroker } from '../nats/broker.js'
import { own, type Pair, taken } from '../transports/pair.js'

const client = 'streams/client.mjs'

/** One transport a line, and beside it what else one would use. */
const pairs: readonly Pair[] = [
  own('memory', client, 'memory'),
  own('HTTP, NDJSON', client, 'http'),
  own('HTTP, server-sent events, read by hand', 'streams/sse.mjs', 'http'),
  own('gRPC', client, 'grpc'),
  own('NATS', client, 'nats', natsBroker),
  { name: 'gRPC: grpc-js', server: 'streams/grpc-js-server.mjs', file: 'streams/grpc-js-client.mjs' },
  { name: 'gRPC: connect-node', server: 'peers/streams/server.mjs', file: 'peers/streams/client.mjs' },
]

/** Small items as fast as they come, and 64 MiB of larger ones, of which a slow reader takes one a millisecond. */
const fast = { count: 50_000, size: 100 }
const slow = { count: 4_000, size: 16 << 10, perSecond: 1_000 }

async function run({ name }: Contender, [pace]: readonly string[]): Promise<Figures> {
  const pair = pairs.find(each => each.name === name)
  if (pair === undefined) throw new Error(`there is no ${name}`)
  const isAlone = name === 'memory' // one process, which reads
  if (pace === 'slow') {
    const { serverMiB, clientMiB } = await taken(pair, [slow])
    return { 'client, MiB': clientMiB, ...(!isAlone && { 'server, MiB': serverMiB }) }
  }
  const { seconds, serverUs, clientUs } = await taken(pair, [fast, fast])
  return {
    'items/s': fast.count / seconds,
    'client, µs': clientUs / fast.count,
    ...(!isAlone && { 'server, µs': serverUs / fast.count }),
  }
}

export const streams: Bench = {
  name: 'streams',
  title:
    'A stream of items over each transport: items/s and µs of a side’s CPU time per item; and the most memory of either side, in MiB, while 64 MiB are read at 16 MiB/s from a handler that makes them as fast as they are taken',
  contenders: pairs,
  columns: ['items/s', 'server, µs', 'client, µs', 'server, MiB', 'client, MiB'],
  passes: [['fast'], ['slow']],
  rounds: 5,
  against: { contender: 'gRPC: grpc-js', column: 'items/s' },
  targets: [],
  peers: ['undici', '@grpc/grpc-js', '@connectrpc/connect-node', '@nats-io/transport-node', 'protobufjs', 'zod'],
  run,
}
