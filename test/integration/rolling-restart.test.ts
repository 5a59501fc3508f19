/** Two instances behind a client that tries again, restarted in turn under load: nobody notices, and nothing unsafe runs twice. */
import { connect as openSocket, type Socket } from 'node:net'
import { call, connect } from 'tenon'
import type { ClientBinding } from 'tenon/contract'
import type { Failure } from 'tenon/core'
import * as grpc from 'tenon/transport/grpc'
import * as http from 'tenon/transport/http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deep } from '../deep.js'
import { type InstancePlan, Work } from './fixtures/instance.js'
import { type Instance, startInstance } from './instance.js'

const plan: InstancePlan = { port: 0, workMs: 10, lingerMs: 1_000, graceMs: 8_000 }

/** Takes instances in turn. Tries again what certainly did not run, and of what only reads, everything. */
class RetryingClient {
  readonly errors: { readonly id: string; readonly method: string; readonly failure: unknown }[] = []
  readonly changed: string[] = []
  calls = 0
  retries = 0
  readonly #clients: readonly { readonly binding: ClientBinding; readonly work: ReturnType<typeof clientOf> }[]
  #next = 0

  constructor(bindings: readonly ClientBinding[]) {
    this.#clients = bindings.map(binding => ({ binding, work: clientOf(binding) }))
  }

  async call(method: 'read' | 'change', id: string): Promise<void> {
    this.calls++
    const first = this.#next++
    for (let attempt = 1; ; attempt++) {
      const { work } = this.#clients[(first + attempt) % this.#clients.length] ?? expect.unreachable()
      const outcome = await call(work[method], { id }, { deadlineMs: 10_000 })
      if (outcome._tag === 'Right') {
        expect(outcome.right).toEqual({ id })
        if (method === 'change') this.changed.push(id)
        return
      }
      const failure: Failure = outcome.left
      if (attempt === 10 || (failure.ran !== 'no' && method === 'change')) {
        this.errors.push({ id, method, failure })
        return
      }
      this.retries++
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map(({ binding }) => binding.close()))
  }
}

function clientOf(binding: ClientBinding) {
  return connect(Work, binding)
}

const overHttp = (stack: 'undici' | 'node') => ({
  transport: 'http' as const,
  client: (port: number) => http.client(`http://127.0.0.1:${port}`, { stack, keepAliveTimeoutMs: 300 }),
})

/** How a client calls, and what is served for it. */
const callers = {
  undici: overHttp('undici'),
  node: overHttp('node'),
  grpc: {
    transport: 'grpc' as const,
    client: (port: number) => grpc.client(`127.0.0.1:${port}`, { maxReconnectDelayMs: 100 }),
  },
}

describe.each(['undici', 'node', 'grpc'] as const)('rolling restarts, called with %s', caller => {
  const { transport, client: clientAt } = callers[caller]
  const served: InstancePlan = { ...plan, transport }
  const instances: Instance[] = []
  const ran: string[] = []

  beforeAll(async () => {
    instances.push(...(await Promise.all([startInstance(served), startInstance(served)])))
  })
  afterAll(() => {
    for (const { process } of instances) process.kill('SIGKILL')
  })

  test('no error reaches the user, and no unsafe call runs twice', { timeout: 300_000 }, async () => {
    const client = new RetryingClient(instances.map(({ port }) => clientAt(port)))
    let isOver = false
    const worker = async (name: number): Promise<void> => {
      for (let i = 0; !isOver; i++) await client.call(i % 2 === 0 ? 'change' : 'read', `${caller}-${name}-${i}`)
    }
    const workers = Array.from({ length: 16 }, (_, name) => worker(name))
    const hostile: Socket[] = []
    try {
      for (let restart = 0; restart < deep(2, 20); restart++) {
        const index = restart % 2
        const instance = instances[index] ?? expect.unreachable()
        if (restart === 1) hostile.push(...attach(instance.port, 100))
        const before = client.calls
        while (client.calls < before + 200) await new Promise(resolve => setTimeout(resolve, 5))
        const stopAt = performance.now()
        instance.process.kill('SIGTERM')
        const ended = await instance.ended
        expect(ended, ended.said).toMatchObject({ code: 0 })
        expect(performance.now() - stopAt).toBeLessThan(3 * plan.graceMs)
        ran.push(...ended.ran)
        instances[index] = await startInstance({ ...served, port: instance.port })
      }
    } finally {
      isOver = true
      await Promise.all(workers)
      await client.close()
      for (const socket of hostile) socket.destroy()
    }
    for (const instance of instances) {
      instance.process.kill('SIGTERM')
      ran.push(...(await instance.ended).ran)
    }
    expect(client.errors).toEqual([])
    expect(client.retries).toBeGreaterThan(0) // else nothing was put to the test
    const times = new Map<string, number>()
    for (const id of ran) times.set(id, (times.get(id) ?? 0) + 1)
    expect(client.changed.filter(id => times.get(id) !== 1)).toEqual([])
    expect(client.changed.length).toBeGreaterThan(200)
  })
})

/** Connections that are idle, silent, half-spoken or endless. */
function attach(port: number, count: number): Socket[] {
  const beginnings = [
    '',
    'GET /work/7 HTTP/1.1\r\nhost',
    'POST /work HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{',
    'GET /work/hostile HTTP/1.1\r\nhost: t\r\n\r\n',
  ]
  return Array.from({ length: count }, (_, i) => {
    const socket = openSocket({ port, host: '127.0.0.1' })
    socket.on('error', () => {})
    socket.on('data', () => {})
    socket.write(beginnings[i % beginnings.length] ?? '')
    return socket
  })
}
