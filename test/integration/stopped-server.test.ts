/** A server that is stopped dead: its system still takes connections and bytes, and nobody answers. Calls end at their deadline. */
import { call, connect } from 'tenon'
import * as http from 'tenon/transport/http'
import { describe, expect, test } from 'vitest'
import { Work } from './fixtures/instance.js'
import { startInstance } from './instance.js'

describe.each(['undici', 'node'] as const)('a stopped server, called with %s', stack => {
  test('every call ends at its deadline, and the next ones reach it when it goes on', { timeout: 60_000 }, async () => {
    const instance = await startInstance({ port: 0, workMs: 1, lingerMs: 100, graceMs: 5_000 })
    const binding = http.client(`http://127.0.0.1:${instance.port}`, { stack, maxConnections: 4, maxCalls: 20 })
    const { read } = connect(Work, binding)
    const warnings: Error[] = []
    const warn = (warning: Error) => void warnings.push(warning)
    process.on('warning', warn)
    try {
      expect(await call(read, { id: 'before' })).toMatchObject({ right: { id: 'before' } })
      instance.process.kill('SIGSTOP')
      const began = performance.now()
      const outcomes = await Promise.all(
        Array.from({ length: 30 }, () => call(read, { id: 'meanwhile' }, { deadlineMs: 200 })),
      )
      expect(performance.now() - began).toBeLessThan(15_000)
      const reasons = outcomes.map(outcome => (outcome._tag === 'Left' ? outcome.left.reason : 'none'))
      expect(reasons.filter(reason => reason === 'DEADLINE_EXCEEDED')).toHaveLength(20)
      expect(reasons.filter(reason => reason === 'TOO_MANY_CALLS')).toHaveLength(10)
      instance.process.kill('SIGCONT')
      for (let i = 0; i < 10; i++) expect(await call(read, { id: 'after' })).toMatchObject({ right: { id: 'after' } })
      expect(warnings).toEqual([])
    } finally {
      process.off('warning', warn)
      await binding.close()
      instance.process.kill('SIGCONT')
      instance.process.kill('SIGTERM')
      await instance.ended
    }
  })
})
