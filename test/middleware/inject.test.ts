/** `inject` hits as many calls as it is told to, waits on the call's clock, and can be switched off. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { call, failureOf, fromPromise, manualClock, right, seededRandom, testContext } from '../../src/core/index.js'
import { type InjectEvent, inject } from '../../src/middleware/index.js'

const failure = failureOf('unavailable', 'REHEARSAL', 'as if', { ran: 'no' })
const fine = fromPromise(async (_: number) => 'fine')

test('hits the share of calls that it is told to', async () => {
  await fc.assert(
    fc.asyncProperty(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer(), async (ratio, seed) => {
      const endpoint = inject({ ratio, failure, random: seededRandom(seed) })(fine)
      let hits = 0
      for (let i = 0; i < 400; i++) if ((await call(endpoint, i))._tag === 'Left') hits++
      expect(Math.abs(hits / 400 - ratio)).toBeLessThan(0.15) // six standard deviations
    }),
    { numRuns: 20 },
  )
})

test('gives the failure as it is, instead of running', async () => {
  expect(await call(inject({ ratio: 1, failure })(fine), 1)).toEqual({ _tag: 'Left', left: failure })
})

test('delays, then lets the call go on', async () => {
  const clock = manualClock()
  const events: InjectEvent[] = []
  const endpoint = inject({ ratio: 1, latencyMs: 50, onEvent: event => events.push(event) })(fine)
  let answered: unknown
  void call(endpoint, 1, { context: testContext({ clock }) }).then(outcome => {
    answered = outcome
  })
  await clock.advance(49)
  expect(answered).toBeUndefined()
  await clock.advance(1)
  expect(answered).toEqual(right('fine'))
  expect(events).toMatchObject([{ type: 'delayed' }])
})

test('a wait ends with the call and leaves no timer', async () => {
  const clock = manualClock()
  const answer = call(inject({ ratio: 1, latencyMs: 5_000 })(fine), 1, {
    context: testContext({ clock }),
    deadlineMs: 20,
  })
  await clock.advance(30)
  expect(await answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
  expect(clock.pendingTimers).toBe(0)
})

test('hits only what matches', async () => {
  const endpoint = inject({ ratio: 1, failure, matches: request => request === 2 })(fine)
  expect([(await call(endpoint, 1))._tag, (await call(endpoint, 2))._tag]).toEqual(['Right', 'Left'])
})

test.each([{ ratio: 2 }, { ratio: 0.5, failure: new Error('no failure') }, { ratio: 1, latencyMs: -1 }])(
  'refuses %o',
  options => {
    expect(() => inject(options as never)).toThrow(RangeError)
  },
)
