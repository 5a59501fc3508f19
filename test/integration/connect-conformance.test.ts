/**
 * Connect's conformance tests for gRPC, some four hundred cases for each side: their client calls our server, their servers are called by
 * our client. What fails is listed, and fails for what grpc-js does below us.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { bundled } from '../examples/bundled.js'
import { cached, needFile } from './server-program.js'

const program = cached('connectconformance-1.0.7')
const folder = 'test/integration/connect-conformance'
const patience = 300_000

// grpc-js hands on neither verb nor content type, and takes for plain what says that it is packed, but not how. These must fail: what
// works is not to stand here. There may be four at most.
const failing = {
  server: [
    '**/unexpected-codec',
    '**/unexpected-compressed-message',
    '**/unexpected-compression',
    '**/unexpected-verb',
  ],
  client: [],
} as const

// Their deadlines, of 200 ms, are short for a busy machine: they may be tried again, and must be kept once.
const hurried = ['Deadline Propagation/**', 'Timeouts/**']

/** What came of a run. */
interface Run {
  readonly passed: number
  readonly failed: readonly string[]
  readonly stdout: string
}

async function run(mode: 'server' | 'client', args: readonly string[]): Promise<Run> {
  const all = ['--mode', mode, '--conf', `${folder}/config.yaml`, '--max-servers', '1', ...args]
  const options = { timeout: patience, maxBuffer: 64 << 20 }
  const command = ['--', process.execPath, bundled(`${folder}/${mode}.ts`)]
  const { stdout } = await promisify(execFile)(program, [...all, ...command], options).catch(
    (thrown: { readonly stdout?: string }) => ({ stdout: thrown.stdout ?? String(thrown) }),
  )
  const passed = /^(\d+) passed, \d+ failed/m.exec(stdout)?.[1]
  if (passed === undefined || stdout.includes('was expected to fail but did not')) expect.fail(stdout)
  const failed = [...stdout.matchAll(/^FAILED: (\S.*):$/gm)].map(([, name = '']) => name)
  return { passed: Number(passed), failed, stdout }
}

/**
 * How many cases passed. What failed is tried again by itself, and must pass once: their programs give a process five seconds to say the
 * first word on a connection, ten to start, and calls 200 ms, which on a busy machine may not do.
 */
async function passing(mode: 'server' | 'client', args: readonly string[], tries: number): Promise<number> {
  const { passed, failed, stdout } = await run(mode, args)
  const isCutShort = stdout.includes('could not be run') // then all again
  if (failed.length === 0 && !isCutShort) return passed
  if (tries === 1) expect.fail(stdout)
  if (isCutShort) return passing(mode, args, tries - 1)
  const rest = failed.flatMap(name => ['--run', name])
  return passed + (await passing(mode, rest, tries - 1))
}

test.for([
  { mode: 'server', passed: 334 },
  { mode: 'client', passed: 373 },
] as const)('the $mode keeps them', { timeout: 3 * patience }, async ({ mode, passed }, { skip }) => {
  needFile(program, skip)
  const known = failing[mode].flatMap(pattern => ['--known-failing', pattern])
  expect(await passing(mode, [...known, ...hurried.flatMap(pattern => ['--skip', pattern])], 3)).toBe(passed)
})

test.for([
  { mode: 'server', passed: 36 },
  { mode: 'client', passed: 36 },
] as const)('the $mode keeps deadlines', { timeout: 3 * patience }, async ({ mode, passed }, { skip }) => {
  needFile(program, skip)
  const asked = hurried.flatMap(pattern => ['--run', pattern])
  expect(await passing(mode, asked, 8)).toBe(passed)
})
