/**
 * Memory does not grow with a stream whose reader is slower than its maker, over sockets either. NATS is in nats/nats.test.ts.
 * In a process of its own: others' memory would be counted.
 */
import { serve } from 'tenon/lifecycle'
import * as grpc from 'tenon/transport/grpc'
import * as http from 'tenon/transport/http'
import { describe, expect, test } from 'vitest'
import { deep } from '../deep.js'
import { flood } from './flood.js'

const transports = {
  grpc: { server: grpc.server, client: grpc.client },
  http: { server: http.server, client: http.client },
}

describe.each(Object.entries(transports))('%s', (_, { server, client }) => {
  test.each(['pour', 'fill'] as const)('%s', async direction => {
    const bytes: number[] = []
    for (const count of [deep(300, 3_000), deep(3_000, 30_000)]) {
      const { service, most, run } = flood()
      const running = await serve([service], [server({ port: 0 })], { signals: [], drainDelayMs: 0 })
      const binding = client(String(running.addresses[0]))
      expect(await run(binding, direction, count)).toBe(count)
      bytes.push(most.bytes)
      await binding.close()
      await running.close()
    }
    // Ten times as much goes by, 30 MB or 300, and no more is held.
    for (const each of bytes) expect(each).toBeLessThan(4 << 20)
  })
})
