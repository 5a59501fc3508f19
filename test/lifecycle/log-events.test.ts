/** Events as lines: all of them in a log, the problems alone on stderr. */
import { manualClock } from 'tenon/core'
import { type LifecycleEvent, logEvents, resource, serve } from 'tenon/lifecycle'
import { expect, test, vi } from 'vitest'
import { diary, fakeBinding } from './fake-binding.js'

test('each event is one entry, with its data as fields and a level that fits', () => {
  const entries: unknown[] = []
  const write = (level: string) => (message: string, fields: object) => void entries.push([level, message, fields])
  const onEvent = logEvents({ info: write('info'), warn: write('warn'), error: write('error') })
  const cause = new Error('no ack')
  const events: readonly LifecycleEvent[] = [
    { type: 'draining', delayMs: 5_000, signal: 'SIGTERM' },
    { type: 'forced', by: 'grace', bindings: ['http'] },
    { type: 'close-failed', what: 'queue', cause },
  ]
  for (const event of events) onEvent(event)
  expect(entries).toEqual([
    ['info', 'draining: not ready any more', { delayMs: 5_000, signal: 'SIGTERM' }],
    ['warn', 'calls in flight were cut off', { by: 'grace', bindings: ['http'] }],
    ['error', 'could not be closed', { what: 'queue', cause }],
  ])
})

test('without an observer problems go to stderr, a line each, and nothing else does', async () => {
  const stderr = vi.spyOn(console, 'error').mockImplementation(() => {})
  const clock = manualClock()
  const running = await serve([], [fakeBinding('http', diary(clock), clock, { drain: 'hangs' })], {
    signals: false,
    checks: { db: () => 'it is "slow"' },
    resources: [resource('queue', () => Promise.reject(new Error('no\nack')))],
    clock,
  })
  await running.health.ready()
  const drained = running.drain()
  await clock.advance(30_000)
  await drained
  expect(stderr.mock.calls).toEqual([
    ['tenon: readiness check failed: check=db why="it is \\"slow\\""'],
    ['tenon: calls in flight were cut off: by=grace bindings=["http"]'],
    ['tenon: could not be closed: what=queue cause="Error: no\\nack"'],
  ])
})

test('an observer that throws disturbs nothing, and is reported', async () => {
  const stderr = vi.spyOn(console, 'error').mockImplementation(() => {})
  const clock = manualClock()
  const thrown = new Error('disk full')
  const running = await serve([], [fakeBinding('http', diary(clock), clock)], {
    signals: false,
    clock,
    onEvent() {
      throw thrown
    },
  })
  const drained = running.drain()
  await clock.advance(0)
  await drained
  expect(stderr).toHaveBeenCalledWith(expect.stringMatching(/^tenon: defect: Error: disk full\n {4}at /))
})
