/** Real processes and real signals: how they end, with which code, and what they say. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { addressOf, program } from './program.js'

const typesOf = (stdout: readonly string[]) =>
  stdout.map(line => (line.startsWith('{') ? (JSON.parse(line) as { readonly type: string }).type : line))

const drained = ['listening', 'started', 'draining', 'stopped-accepting', 'drained', 'pool closed', 'stopped']

describe.concurrent('a process', { timeout: 30_000 }, () => {
  test.for(['SIGTERM', 'SIGINT'] as const)(
    'ends with 0 after %s, when its calls have been answered',
    async (signal, context) => {
      const served = program(context, {})
      const address = await addressOf(served)
      const answer = fetch(`${address}/held`).then(response => response.text())
      await served.said('/held came')
      served.process.kill(signal)
      expect(await answer).toBe('answered')
      const { stdout, ...end } = await served.ended
      expect(end).toEqual({ code: 0, signal: null, stderr: '' })
      expect(typesOf(stdout)).toEqual([...drained.slice(0, 2), '/held came', ...drained.slice(2)])
    },
  )

  test('ends with 143 after SIGTERM when a call does not end within the grace period', async context => {
    const served = program(context, { options: { graceMs: 200 } })
    const address = await addressOf(served)
    const answer = fetch(`${address}/hung`).catch(() => 'cut off')
    await served.said('/hung came')
    const killedAt = performance.now()
    served.process.kill('SIGTERM')
    expect(await answer).toBe('cut off')
    const { code, stdout } = await served.ended
    expect(code).toBe(143)
    expect(performance.now() - killedAt).toBeLessThan(15_000)
    expect(typesOf(stdout).slice(-3)).toEqual(['forced', 'pool closed', 'stopped'])
  })

  test('is forced by a second signal, whatever it waits for', async context => {
    const served = program(context, { options: { drainDelayMs: 60_000 } })
    await addressOf(served)
    served.process.kill('SIGTERM')
    await served.said('draining')
    served.process.kill('SIGINT')
    const { code, stdout } = await served.ended
    expect(code).toBe(143)
    expect(typesOf(stdout).slice(-4)).toEqual(['draining', 'forced', 'pool closed', 'stopped'])
  })

  test('is ended by a third signal on the spot', async context => {
    const served = program(context, {
      options: { drainDelayMs: 60_000, closeTimeoutMs: 60_000 },
      odd: 'resource hangs',
    })
    await addressOf(served)
    served.process.kill('SIGTERM')
    await served.said('draining')
    served.process.kill('SIGINT')
    await served.said('forced')
    served.process.kill('SIGTERM')
    const { code, stdout } = await served.ended
    expect(code).toBe(143)
    expect(typesOf(stdout).at(-1)).toBe('forced')
  })

  test('is ended when something that serve does not know keeps it alive, and says what', async context => {
    const served = program(context, { odd: 'leaves a timer' })
    await addressOf(served)
    served.process.kill('SIGTERM')
    const { code, stdout } = await served.ended
    expect(code).toBe(0)
    expect(JSON.parse(stdout.at(-1) ?? '')).toEqual({ type: 'kept-alive', by: expect.arrayContaining(['Timeout']) })
  })

  test('ends with 1 when a resource could not be closed', async context => {
    const served = program(context, { odd: 'resource fails' })
    await addressOf(served)
    served.process.kill('SIGTERM')
    const { code, stdout } = await served.ended
    expect(code).toBe(1)
    expect(typesOf(stdout).slice(-2)).toEqual(['close-failed', 'stopped'])
  })

  test('that serves twice ends when both have stopped', async context => {
    const served = program(context, { odd: 'serves twice' })
    await served.said('second at')
    served.process.kill('SIGTERM')
    const { code, stdout } = await served.ended
    expect(code).toBe(0)
    expect(stdout.filter(line => line.includes('stopped"') || line === 'second stopped').at(-1)).toBe('second stopped')
  })

  test('that is still starting ends at a signal, and no stack is printed', async context => {
    const served = program(context, { odd: 'never listens', options: { graceMs: 60_000 } })
    await served.said('waits')
    served.process.kill('SIGTERM')
    expect(await served.ended).toMatchObject({ code: 143, stderr: '' })
  })

  test.for(['throws', 'rejects'] as const)(
    'that %s where nobody looks answers its calls and ends with 1',
    async (odd, context) => {
      const served = program(context, { odd })
      const address = await addressOf(served)
      const answer = fetch(`${address}/held`).then(response => response.text())
      await served.said('/held came')
      served.process.stdin?.end('now\n')
      expect(await answer).toBe('answered')
      const { code, stdout, stderr } = await served.ended
      expect(code).toBe(1)
      expect(stderr).toMatch(/^tenon: defect: Error: nobody (catches|handles) this\n {4}at/)
      expect(typesOf(stdout).at(-1)).toBe('stopped')
    },
  )

  test('whose port is taken ends with 1 and one line', async context => {
    await using taken = await takenPort()
    expect(await program(context, { port: taken.port }).ended).toMatchObject({
      code: 1,
      stderr: `http: 127.0.0.1:${taken.port} is taken by another process\n`,
      stdout: ['pool closed', expect.stringContaining('stopped')],
    })
  })

  test('whose port is taken ends with 1 and says why also without exitWithMessage', async context => {
    await using taken = await takenPort()
    const { code, stderr } = await program(context, { port: taken.port, bare: true }).ended
    expect(code).toBe(1)
    expect(stderr).toContain(`StartError: http: 127.0.0.1:${taken.port} is taken by another process\n`)
  })

  test('that is process 1 of a container ends at a signal', async context => {
    const [command, ...options] = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child'] as const
    if (spawnSync(command, [...options, 'true']).status !== 0) context.skip('unshare may not make a PID namespace')
    const served = program(context, {}, [command, ...options])
    await addressOf(served)
    // To the child of unshare, which is process 1 there: sent from outside it has its own number.
    const outside = served.process.pid
    const inside = readFileSync(`/proc/${outside}/task/${outside}/children`, 'utf8')
    process.kill(Number(inside), 'SIGTERM')
    const { code, stdout } = await served.ended
    expect(code).toBe(0)
    expect(typesOf(stdout)).toEqual(['as process 1', ...drained])
  })
})

async function takenPort(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it has no port')
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      server.close()
    },
  }
}
