/** The `nats` command finds our services, calls them, and sees how they go: a tool of other makers, by NATS's own protocols. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connect as connectNats, type NatsConnection } from 'nats'
import { contract, failed, implement, method, systemClock } from 'tenon'
import type { Listening } from 'tenon/contract'
import * as nats from 'tenon/transport/nats'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { hasNats, needNats, startNats } from './nats.js'
import type { OwnServer } from './own-server.js'
import { cached, needFile } from './server-program.js'

vi.setConfig({ testTimeout: 120_000 }) // the command waits, and is asked again

const program = cached('nats-0.1.6')
const Text = z.object({ text: z.string() })
const Echo = contract('test.v1.Echo', {
  echo: method({ request: Text, response: Text, idempotency: 'safe' }),
  refuse: method({ request: Text, response: Text, idempotency: 'safe' }),
})
const echoing = implement(Echo).handlers({
  echo: request => request,
  refuse: () => failed('not_found', 'NO_SUCH_TEXT', 'there is none'),
})

const folder = mkdtempSync(join(tmpdir(), 'tenon-nats-cli-'))
const startedAt = Date.now()
let broker: OwnServer | undefined
let connection: NatsConnection | undefined
let listening: Listening | undefined
beforeAll(async () => {
  if (!hasNats) return
  broker = await startNats()
  connection = await connectNats({ servers: `127.0.0.1:${broker.port}` })
  const ok = { ok: true, checks: {} }
  const probes = { live: () => ok, ready: () => ok }
  const micro = { version: '1.2.3', description: 'says it again', metadata: { region: 'eu' } }
  listening = await nats
    .server(connection, { micro })
    .listen([echoing], { onDefect: console.error, clock: systemClock, probes })
})
afterAll(async () => {
  await listening?.close()
  await connection?.close()
  await broker?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function need(skip: (reason: string) => void): void {
  needNats(skip)
  needFile(program, skip)
}

/** What the command says, on both streams. */
async function said(...args: readonly string[]): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: folder, XDG_CONFIG_HOME: folder }
  const all = ['--server', `nats://127.0.0.1:${broker?.port}`, ...args]
  const { stdout, stderr } = await promisify(execFile)(program, all, { env })
  return stdout + stderr
}

/** The same as JSON. The command waits a third of a second for answers, which on a busy machine may be too short: then it is asked again. */
async function found(...args: readonly string[]): Promise<unknown> {
  return await vi.waitFor(async () => JSON.parse(await said('micro', ...args, '--json')), waits)
}

const waits = { timeout: 60_000, interval: 100 }

test('it lists a service with its methods, and pings it', async ({ skip }) => {
  need(skip)
  const listed = await found('ls')
  expect(listed).toMatchObject([
    { name: 'test_v1_Echo', version: '1.2.3', description: 'says it again', metadata: { region: 'eu' } },
  ])
  await vi.waitFor(
    async () => expect(await said('micro', 'ping', '--timeout=1s')).toMatch(/test_v1_Echo .*rtt=/),
    waits,
  )
  expect(await found('info', 'test_v1_Echo')).toMatchObject({
    info: {
      endpoints: [
        { name: 'echo', subject: 'test.v1.Echo.echo', queue_group: 'tenon' },
        { name: 'refuse', subject: 'test.v1.Echo.refuse', queue_group: 'tenon' },
      ],
    },
  })
})

test('it calls methods, shows failures by their headers, and sees how methods have gone since when', async ({
  skip,
}) => {
  need(skip)
  expect(await said('request', '--timeout=30s', 'test.v1.Echo.echo', '{"text":"x"}')).toContain('{"text":"x"}')
  const refused = await said('request', '--timeout=30s', 'test.v1.Echo.refuse', '{"text":"x"}')
  expect(refused).toContain('Nats-Service-Error: there is none')
  expect(refused).toContain('Nats-Service-Error-Code: 404')
  expect(refused).toContain('"reason":"NO_SUCH_TEXT"')
  const stats = await found('stats', 'test_v1_Echo')
  expect(stats).toMatchObject([
    {
      name: 'test_v1_Echo',
      endpoints: [
        { name: 'echo', num_requests: 1, num_errors: 0, last_error: '' },
        { name: 'refuse', num_requests: 1, num_errors: 1, last_error: 'not_found: NO_SUCH_TEXT' },
      ],
    },
  ])
  const [{ started }] = stats as [{ readonly started: string }] // as expected above
  expect(Math.abs(Date.parse(started) - startedAt)).toBeLessThan(3_600_000) // of the calendar, and not since the process began
})

test('it makes the streams and the consumer of the page about JetStream, as the page says', async ({ skip }) => {
  need(skip)
  const page = readFileSync(new URL('../../docs/jetstream.md', import.meta.url), 'utf8')
  const [, block = ''] = /```sh\n([^`]*)```/.exec(page) ?? []
  const commands = block.trim().split('\n')
  expect(commands).toHaveLength(3)
  for (const command of commands) {
    const [name, ...args] = command.replaceAll("'", '').split(' ')
    expect(name).toBe('nats')
    await said(...args)
  }
  const config = JSON.parse(await said('consumer', 'info', 'ORDERS', 'billing', '--json')).config
  expect(config).toMatchObject({ durable_name: 'billing', ack_policy: 'explicit', ack_wait: 30e9, max_deliver: -1 })
})
