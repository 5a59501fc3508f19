/** A server's memory under hostile peers: what they made it hold is gone with them, and never was more than its limits allow. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { callOrThrow, connect } from 'tenon'
import * as grpc from 'tenon/transport/grpc'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { deep } from '../deep.js'
import { bundled } from '../examples/bundled.js'
import { root } from '../repo/sources.js'
import {
  answer,
  bomb,
  flood,
  foreign,
  framed,
  headers,
  malformed,
  message,
  resetRapidly,
  session,
  speak,
} from '../transport/grpc/hostile-calls.js'
import { Echo, type Held } from './fixtures/echo.js'

const MiB = 1 << 20
let child: ChildProcess
let address = ''

beforeAll(async () => {
  const path = bundled('test/integration/fixtures/echo.ts')
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const
  child = spawn(process.execPath, ['--expose-gc', path, 'serve'], { cwd: root, stdio: [...stdio] })
  const [said] = await once(child, 'message')
  address = said.address
})
afterAll(() => child.kill('SIGKILL'))

async function held(): Promise<Held> {
  child.send({})
  const [said] = await once(child, 'message')
  return said
}

/** As many as it may answer at once, of everything that somebody ever tried. */
async function wave(port: number): Promise<void> {
  const over = session(port)
  const more = Array.from({ length: 20 }, () => answer(over, bomb, { 'grpc-encoding': 'gzip' }))
  const each = malformed.flatMap(([, body, given]) => Array.from({ length: 5 }, () => answer(over, body, given)))
  await Promise.all([...more, ...each])
  over.destroy()

  const flooding = session(port)
  await answer(flooding, framed(message('a')), flood)
  flooding.destroy()

  const hasty = session(port)
  await resetRapidly(hasty, deep(10, 40))
  hasty.destroy()

  await Promise.all(foreign.map(([, text]) => speak(port, text)))

  // Messages that are begun and never finished, all but a byte of them there.
  const slow = session(port)
  const begun = Array.from({ length: 50 }, () => slow.request(headers))
  for (const stream of begun) {
    stream.on('error', () => {})
    stream.write(framed(Buffer.alloc(60 << 10), 0, 61 << 10))
  }
  await answer(slow, framed(message('a'))) // those before it are there
  slow.destroy()
}

test('memory is bounded under attack, and given back after it', { timeout: 300_000 }, async () => {
  const client = grpc.client(address)
  const { echo } = connect(Echo, client)
  const port = Number(new URL(address).port)
  const waves = deep(1, 15)
  const attack = async (): Promise<Held> => {
    for (let i = 0; i < waves; i++) {
      await wave(port)
      expect(await callOrThrow(echo, { text: 'still here' })).toEqual({ text: 'still here' })
    }
    return held()
  }
  const { peakRss: idleRss } = await held()
  await wave(port) // compiles, and fills what is kept for the next
  await held()
  const before = await held()
  const afterSome = await attack()
  const afterMore = await attack()
  await client.close()
  expect(afterMore.bytes - afterSome.bytes).toBeLessThan(2 * MiB)
  expect(afterMore.bytes - before.bytes).toBeLessThan(4 * MiB)
  expect(afterMore.peakRss - idleRss).toBeLessThan(160 * MiB) // the bombs alone would be 640
})
