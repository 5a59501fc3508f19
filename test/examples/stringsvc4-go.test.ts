// The port of Go kit's stringsvc4 answers as the original does, over HTTP and over NATS, and each can stand before the other's service.
import { readFileSync } from 'node:fs'
import { connect, headers, type NatsConnection } from 'nats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasNats, needNats, startNats } from '../integration/nats.js'
import type { OwnServer } from '../integration/own-server.js'
import { SideBySide } from './side-by-side.js'

const bodies: readonly (readonly [path: string, body: string])[] = [
  ['uppercase', '{"s":"hello, world"}'],
  ['uppercase', '{"S":"Tür <b> \\u2028 😀"}'],
  ['uppercase', '{"s":""}'],
  ['uppercase', '{"s":'],
  ['uppercase', ''],
  ['uppercase', '{"s":1}'],
  ['count', '{"s":"Tür"}'],
  ['count', '{}'],
  ['count', '[]'],
]

async function ask(port: number, [path, body]: readonly [string, string]): Promise<readonly unknown[]> {
  const response = await fetch(`http://127.0.0.1:${port}/${path}`, { method: 'POST', body })
  return [response.status, response.headers.get('content-type'), await response.text()]
}

describe('stringsvc4', () => {
  const both = new SideBySide('stringsvc4')
  let broker: OwnServer | undefined
  let connection: NatsConnection | undefined

  const isThere = (port: number): Promise<unknown> => ask(port, ['count', '{"s":"x"}'])
  beforeAll(async () => {
    if (!hasNats) return
    broker = await startNats()
    connection = await connect({ servers: `127.0.0.1:${broker.port}` })
    await both.start(isThere, ['-nats-url', `nats://127.0.0.1:${broker.port}`])
  }, 180_000)
  afterAll(async () => {
    await both.stop()
    await connection?.close()
    await broker?.stop()
  })

  it('is shorter than the original', ({ skip }) => {
    if (both.missing !== '' || !hasNats) skip(both.missing || 'the original was not built')
    const own = readFileSync(new URL('../../examples/stringsvc4/main.ts', import.meta.url), 'utf8')
    expect(own.split('\n').length).toBeLessThan(both.originalLines)
  })

  it('answers over HTTP as Go kit does, whichever service is behind it', async ({ skip }) => {
    needNats(skip)
    if (both.missing !== '') skip(both.missing)
    // Both services are in one queue group: asked often enough, each front has had each.
    for (let round = 0; round < 8; round++)
      for (const body of bodies) expect(await ask(both.ourPort, body)).toEqual(await ask(both.originalPort, body))
  })

  it('answers over NATS as Go kit does, to requests with headers and without', async ({ skip }) => {
    needNats(skip)
    if (both.missing !== '') skip(both.missing)
    const withHeaders = headers()
    withHeaders.set('tenon-timeout-ms', '5000')
    for (const [subject, body] of bodies) {
      const answers = new Set<string>()
      for (let round = 0; round < 8; round++) {
        const options = { timeout: 10_000, ...(round % 2 === 0 && { headers: withHeaders }) }
        answers.add((await connection?.request(`stringsvc.${subject}`, body, options))?.string() ?? '')
      }
      expect([...answers]).toHaveLength(1)
    }
  })

  it('goes on alone when the original is gone', async ({ skip }) => {
    needNats(skip)
    if (both.missing !== '') skip(both.missing)
    const before = await ask(both.originalPort, ['uppercase', '{"s":"alone"}'])
    await both.original?.stop()
    // What the broker hands to the original before it sees that that is gone is lost.
    await expect.poll(() => ask(both.ourPort, ['uppercase', '{"s":"alone"}']), { timeout: 20_000 }).toEqual(before)
  })
})
