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

const failing = {
  // grpc-js hands on neither verb nor content type, and takes for plain what says that it is packed, but not how.
  server: [
    '**/unexpected-codec',
    '**/unexpected-compressed-message',
    '**/unexpected-compression',
    '**/unexpected-verb',
  ],
  // grpc-js takes a message that is cut off for the end of the stream.
  client: ['**/server-stream/incomplete-message', '**/server-stream/incomplete-message-prefix'],
} as const

// Their deadlines are short for a busy machine.
const flaky = ['Deadline Propagation/**', 'Timeouts/**']

test.for(['server', 'client'] as const)('the %s keeps them', { timeout: patience }, async (mode, { skip }) => {
  needFile(program, skip)
  const args = [
    ...['--mode', mode, '--conf', `${folder}/config.yaml`, '--max-servers', '1'],
    ...failing[mode].flatMap(pattern => ['--known-failing', pattern]),
    ...flaky.flatMap(pattern => ['--known-flaky', pattern]),
    ...['--', process.execPath, bundled(`${folder}/${mode}.ts`)],
  ]
  const { stdout } = await promisify(execFile)(program, args, { timeout: patience, maxBuffer: 64 << 20 }).catch(
    (thrown: { readonly stdout?: string }) => expect.fail(thrown.stdout ?? String(thrown)),
  )
  expect(Number(/(\d+) passed/.exec(stdout)?.[1])).toBeGreaterThan(300)
})
