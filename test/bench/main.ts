// `npm run bench` runs all benchmarks, `npm run bench -- NAME…` some. Each rewrites its section of docs/benchmarks.md and its
// file in `results/`; with `--rounds N` it only prints. Ends with 1 where a target is missed.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Bench } from './bench.js'
import { composition } from './composition/bench.js'
import { grpcClients, grpcServers } from './grpc/bench.js'
import { httpClients } from './http/clients.js'
import { httpServers } from './http/servers.js'
import { imports } from './import/bench.js'
import { jwt } from './jwt/bench.js'
import { natsClients, natsServers } from './nats/bench.js'
import { policies } from './policies/bench.js'
import { jsonOf, reportOf } from './report.js'
import { runRounds } from './rounds.js'
import { seeingLogging } from './seeing/logging.js'
import { seeingMetrics } from './seeing/metrics.js'
import { seeingTracing } from './seeing/tracing.js'
import { stack, stackShares } from './stack/bench.js'
import { streams } from './streams/bench.js'
import { build, installPeers, surroundingsOf } from './surroundings.js'
import { transports } from './transports/bench.js'
import { judge } from './verdict.js'

const benches: readonly Bench[] = [
  composition,
  policies,
  imports,
  httpServers,
  httpClients,
  natsServers,
  natsClients,
  grpcServers,
  grpcClients,
  transports,
  streams,
  seeingLogging,
  seeingMetrics,
  seeingTracing,
  jwt,
  stack,
  stackShares,
]

const { values, positionals } = parseArgs({ allowPositionals: true, options: { rounds: { type: 'string' } } })
const unknown = positionals.filter(name => !benches.some(bench => isNamed(bench, name)))
if (unknown.length > 0) {
  throw new Error(
    `no benchmark is named ${unknown.join(', ')}; there are ${benches.map(({ name }) => name).join(', ')}`,
  )
}

build()
installPeers()
for (const bench of benches) {
  if (positionals.length === 0 || positionals.some(name => isNamed(bench, name))) await measure(bench)
}

/** By its own name, or by what comes before a dash in it: `http` is `http-servers` and `http-clients`. */
function isNamed({ name }: Bench, given: string): boolean {
  return name === given || name.startsWith(`${given}-`)
}

async function measure(bench: Bench): Promise<void> {
  const samples = await runRounds(bench, Number(values.rounds ?? bench.rounds))
  const surroundings = surroundingsOf(bench.peers)
  const appendix = await bench.appendix?.()
  const report = [reportOf(bench, samples, surroundings), ...(appendix === undefined ? [] : [appendix])].join('\n\n')
  console.log(`\n${report}\n`)
  if (values.rounds === undefined) {
    const results = pathOf(`results/${bench.name}.json`)
    mkdirSync(pathOf('results'), { recursive: true })
    writeFileSync(results, jsonOf(bench, samples, surroundings))
    format(results)
    document(bench.name, report)
  }
  if (judge(bench, samples).some(({ verdict }) => verdict === 'missed')) process.exitCode = 1
}

// Replaces what is between the marks of a benchmark.
function document(name: string, report: string): void {
  const path = pathOf('../../docs/benchmarks.md')
  const [start, end] = [`<!-- bench:${name} -->`, `<!-- end:${name} -->`]
  const text = readFileSync(path, 'utf8')
  const [before, rest] = text.split(start)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined)
    throw new Error(`docs/benchmarks.md has no marks ${start} and ${end}`)
  writeFileSync(path, `${before}${start}\n\n${report}\n\n${end}${after}`)
}

function format(path: string): void {
  execFileSync('npx', ['--no-install', 'biome', 'format', '--write', path], { cwd: pathOf('../../'), stdio: 'ignore' })
}

function pathOf(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url))
}
