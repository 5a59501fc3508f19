// In a process of its own: it sends it signals, and counts who listens to them.
/** Stopping in virtual time: who is told what, when, and in which order. */
import { manualClock } from 'tenon/core'
import { resource, serve } from 'tenon/lifecycle'
import { afterEach, describe, expect, test } from 'vitest'
import { diary, fakeBinding } from './fake-binding.js'
import { runs, started } from './stop-runs.js'

afterEach(() => {
  expect(process.listenerCount('SIGHUP') + process.listenerCount('SIGUSR2')).toBe(0)
})

test.each(runs)('$name', async ({ http, nats, options, acts, diary: expected }) => {
  const clock = manualClock()
  const { lines, note, event } = diary(clock)
  const running = await serve(
    [],
    [
      fakeBinding('http', { lines, note, event }, clock, http),
      fakeBinding('nats', { lines, note, event }, clock, nats),
    ],
    {
      signals: ['SIGHUP', 'SIGUSR2'],
      drainDelayMs: 5_000,
      exit: false,
      resources: [resource('pool', () => note('pool closed')), resource('cache', () => note('cache closed'))],
      onEvent: event,
      clock,
      ...options,
    },
  )
  const calls: Promise<void>[] = []
  for (const [atMs, act] of acts) {
    await clock.advance(atMs - clock.now())
    if (act === 'SIGHUP' || act === 'SIGUSR2') process.emit(act)
    else if (act === 'drain') calls.push(running.drain())
    else if (act === 'drain after 3000') calls.push(running.drain({ delayMs: 3_000 }))
    else calls.push(act === 'close' ? running.close() : running[Symbol.asyncDispose]())
  }
  await clock.advance(100_000)
  await Promise.all(calls)
  expect(lines).toEqual([...started, ...expected])
  expect(clock.pendingTimers).toBe(0)
})

describe('resources', () => {
  test('are closed one after the other, and one that hangs or throws does not keep the others open', async () => {
    const clock = manualClock()
    const log = diary(clock)
    class Pool {
      async [Symbol.asyncDispose]() {
        log.note('pool closes')
      }
    }
    const running = await serve([], [fakeBinding('http', log, clock)], {
      signals: [],
      exit: false,
      onEvent: log.event,
      clock,
      closeTimeoutMs: 300,
      resources: [
        new Pool(),
        resource('queue', () => Promise.reject(new Error('no ack'))),
        { [Symbol.asyncDispose]: () => new Promise(() => {}) },
        {} as AsyncDisposable, // what JavaScript lets through
      ],
    })
    const drained = running.drain()
    await clock.advance(1_000)
    await drained
    expect(log.lines.slice(-6)).toEqual([
      '0 http closes',
      expect.stringMatching(/^0 \[close-failed\] resource 4 .*not a function/),
      '300 [close-failed] resource 3 not closed after 300 ms',
      '300 [close-failed] queue no ack',
      '300 pool closes',
      '300 [stopped] false 3',
    ])
  })
})
