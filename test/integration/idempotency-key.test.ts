/** One key, two processes and a real Redis: one runs and both have its answer, and when it is killed in the middle the other one runs. */
import { Redis } from 'ioredis'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { type Program, startBundled } from '../examples/program.js'
import { needRedis, startRedis } from './redis.js'

async function opened() {
  const server = await startRedis()
  onTestFinished(() => server.stop())
  const redis = new Redis(server.port, '127.0.0.1')
  onTestFinished(() => redis.disconnect())
  const order = (name: string, workMs: number): Program => {
    const program = startBundled('test/integration/fixtures/ordering.ts', [String(server.port), name, String(workMs)])
    onTestFinished(async () => void (await program.stop('SIGKILL')))
    return program
  }
  return { order, runs: () => redis.lrange('runs', 0, -1) }
}

const told = async (program: Program) => JSON.parse((await program.waitFor(/^told (.*)$/m))[1] ?? '')

describe('one key in two processes', () => {
  beforeEach(({ skip }) => needRedis(skip))

  test('one of them runs, longer than its lease, and both have its answer', { timeout: 60_000 }, async () => {
    const { order, runs } = await opened()
    const first = order('first', 6_000)
    await first.waitFor(/^running$/m)
    const second = order('second', 0)
    expect([await told(first), await told(second)]).toEqual([{ by: 'first' }, { by: 'first' }])
    expect(await runs()).toEqual(['first'])
  })

  test('when the one that runs is killed, the key is free again and the other one runs', {
    timeout: 60_000,
  }, async () => {
    const { order, runs } = await opened()
    const first = order('first', 60_000)
    await first.waitFor(/^running$/m)
    await first.stop('SIGKILL')
    const second = order('second', 0)
    expect(await told(second)).toEqual({ by: 'second' })
    expect(await told(order('third', 0))).toEqual({ by: 'second' })
    expect(await runs()).toEqual(['first', 'second'])
  })
})
