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

/** What a run says at its end, where all was as it is to be; else what it said. */
async function run(
  mode: 'server' | 'client',
  args: readonly string[],
): Promise<{ passed: number; failed: number } | string> {
  const all = ['--mode', mode, '--conf', `${folder}/config.yaml`, '--max-servers', '1', ...args]
  const options = { timeout: patience, maxBuffer: 64 << 20 }
  const command = ['--', process.execPath, bundled(`${folder}/${mode}.ts`)]
  return promisify(execFile)(program, [...all, ...command], options).then(
    ({ stdout }) => {
      const [, passed, failed] = /(\d+) passed, (\d+) failed/.exec(stdout) ?? []
      return { passed: Number(passed), failed: Number(failed) }
    },
    (thrown: { readonly stdout?: string }) => thrown.stdout ?? String(thrown),
  )
}

test.for([
  { mode: 'server', passed: 334 },
  { mode: 'client', passed: 373 },
] as const)('the $mode keeps them', { timeout: patience }, async ({ mode, passed }, { skip }) => {
  needFile(program, skip)
  const known = failing[mode].flatMap(pattern => ['--known-failing', pattern])
  expect(await run(mode, [...known, ...hurried.flatMap(pattern => ['--skip', pattern])])).toEqual({ passed, failed: 0 })
})

test.for([
  { mode: 'server', passed: 36 },
  { mode: 'client', passed: 36 },
] as const)('the $mode keeps deadlines', { timeout: patience }, async ({ mode, passed }, { skip }) => {
  needFile(program, skip)
  let result: unknown
  for (let tries = 0; tries < 5; tries++) {
    result = await run(
      mode,
      hurried.flatMap(pattern => ['--run', pattern]),
    )
    if (typeof result === 'object') break
  }
  expect(result).toEqual({ passed, failed: 0 })
})
