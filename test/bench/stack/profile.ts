// Where the time of a server goes: V8's samples of it while it was measured, by who owns the code. Bundled code is taken apart by its source
// maps, so that it is known by the files it was written in.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Contender } from '../bench.js'
import { number, table } from '../report.js'
import { served } from './measured.js'

interface Frame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
  readonly columnNumber: number
}

interface Profile {
  readonly startTime: number
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** A table of who takes how much of an order, in Markdown. */
export async function profileOf(contender: Contender): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tenon-profile-'))
  try {
    const nodeArgs = ['--cpu-prof', '--cpu-prof-interval=200', `--cpu-prof-dir=${folder}`]
    const { us, from, to } = await served(contender, { nodeArgs, graceful: true })
    const [file = ''] = readdirSync(folder)
    const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Profile // V8's form
    const shares = sharesOf(profile, from, to)
    const large = [...shares].filter(([, share]) => share >= 0.01).sort(([, a], [, b]) => b - a)
    const rest = 1 - large.reduce((sum, [, share]) => sum + share, 0)
    const rows = [...large, ['less than 1 % each', rest] as const]
    const head = [`${contender.name}: who`, '%', 'µs, of the server under the profiler']
    return table(
      head,
      rows.map(([owner, share]) => [owner, number(100 * share), number(us * share)]),
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Parts of the time between two points of it, by owner. */
function sharesOf({ nodes, samples, timeDeltas, startTime }: Profile, from: number, to: number): Map<string, number> {
  const owners = new Map(nodes.map(({ id, callFrame }) => [id, ownerOf(callFrame)]))
  const spent = new Map<string, number>()
  let [at, all] = [startTime, 0]
  for (const [i, id] of samples.entries()) {
    const delta = timeDeltas[i] ?? 0
    at += delta
    const owner = owners.get(id)
    if (owner === undefined || at < from || at > to) continue
    spent.set(owner, (spent.get(owner) ?? 0) + delta)
    all += delta
  }
  return new Map([...spent].map(([owner, us]) => [owner, us / all]))
}

const kernel = /^(write|shutdown|fsync|read|open|close)/

/** Who a function belongs to; nobody, while nothing runs. */
function ownerOf({ functionName, url, lineNumber, columnNumber }: Frame): string | undefined {
  if (functionName === '(idle)') return undefined
  if (functionName === '(garbage collector)') return 'garbage'
  if (url === '') return kernel.test(functionName) ? 'writing, in the kernel' : 'the engine and native code'
  if (url.startsWith('node:internal/crypto')) return 'node:crypto'
  if (url.startsWith('node:')) return 'node:http, streams, timers'
  const [, dependency] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(url) ?? []
  if (dependency !== undefined) return dependency
  const entry = url.includes('/dist/') ? mapOf(url)?.findEntry(lineNumber, columnNumber) : undefined
  const source = entry !== undefined && 'originalSource' in entry ? String(entry.originalSource) : ''
  const [, own] = /\/src\/(.*)$/.exec(source) ?? []
  if (own === undefined) return 'the business'
  return /^(middleware|auth|log)\//.test(own) ? `src/${own}` : `src/${own.slice(0, own.lastIndexOf('/'))}`
}

const maps = new Map<string, SourceMap>()

function mapOf(url: string): SourceMap | undefined {
  let map = maps.get(url)
  if (map === undefined) {
    map = new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(url)}.map`, 'utf8')))
    maps.set(url, map)
  }
  return map
}
