/** How long a stop by signal waits for balancers when nobody said: in a terminal there are none. */
import { manualClock } from 'tenon/core'
import { type LifecycleEvent, serve } from 'tenon/lifecycle'
import { expect, test, vi } from 'vitest'
import { diary, fakeBinding } from './fake-binding.js'

const terminals = vi.hoisted(() => new Set<number>())
vi.mock('node:tty', () => ({ isatty: (descriptor: number) => terminals.has(descriptor) }))

const cases: readonly {
  readonly name: string
  readonly open: readonly number[]
  readonly given?: number
  readonly waits: number
}[] = [
  { name: 'a service waits five seconds', open: [], waits: 5_000 },
  { name: 'a program in a terminal waits for nobody', open: [0, 1, 2], waits: 0 },
  { name: 'a program of which the output is piped is still in a terminal', open: [0], waits: 0 },
  { name: 'a delay that was given holds in a terminal too', open: [0, 1, 2], given: 700, waits: 700 },
]

test.each(cases)('$name', async ({ open, given, waits }) => {
  terminals.clear()
  for (const descriptor of open) terminals.add(descriptor)
  const clock = manualClock()
  const events: LifecycleEvent[] = []
  await serve([], [fakeBinding('http', diary(clock), clock)], {
    ...(given === undefined ? {} : { drainDelayMs: given }),
    exit: false,
    onEvent: event => events.push(event),
    clock,
  })
  process.emit('SIGTERM') // of which, with SIGINT, it takes care by default
  await clock.advance(10_000)
  expect(events).toContainEqual({ type: 'draining', delayMs: waits, signal: 'SIGTERM' })
  expect(events.at(-1)).toEqual({ type: 'stopped', forced: false, failed: 0 })
  expect(process.listenerCount('SIGINT')).toBe(0)
})
