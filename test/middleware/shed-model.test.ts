/** Whatever happens in whatever order, `shed` does what a model does that keeps every call. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  around,
  call,
  chain,
  type Failure,
  failureOf,
  fromRemote,
  type Left,
  left,
  manualClock,
  type Right,
  right,
  testContext,
} from '../../src/core/index.js'
import { type Criticality, type ShedEvent, shed } from '../../src/middleware/index.js'
import { deep } from '../deep.js'
import { type Actions, type End, type ModelOptions, plan, ShedModel } from './shed-model.js'

type Answer = Left<Failure> | Right<string>

const ends: Readonly<Record<End, Answer>> = {
  fine: right('fine'),
  wrong: left(failureOf('invalid_argument', 'wrong', '')),
  down: left(failureOf('unavailable', 'down', '')),
  late: left(failureOf('deadline_exceeded', 'late', '')),
  refused: left(failureOf('resource_exhausted', 'refused', '')),
}
const shares: Readonly<Record<Criticality, number>> = { sheddable: 0.7, normal: 1, critical: 1.2 }

interface Request {
  readonly id: number
  readonly level: Criticality
}

/** A `shed` and its model, to which the same happens. */
function sideBySide(options: ModelOptions) {
  const clock = manualClock()
  const model = new ShedModel(options)
  const events: string[] = []
  const started: number[] = []
  const answers: Map<number, string> = new Map()
  const cancels: AbortController[] = []
  const going: Map<number, (end: End) => void> = new Map()
  const onEvent = ({ type, why, limit }: ShedEvent): void =>
    void events.push(type === 'shed' ? `shed ${why} ${limit}` : `limit ${limit}`)
  const policy = shed({ ...options, maxLoopDelayMs: Infinity, criticality: r => (r as Request).level, onEvent })
  const service = fromRemote<Request, unknown>('service', ({ id }) => {
    started.push(id)
    return new Promise<Answer>(resolve => going.set(id, end => resolve(ends[end])))
  })
  // Beside the model: what the documentation promises, at the moment of it.
  const bounded = around({
    name: 'bounded',
    enter: (_, request) => {
      const { level } = request as Request
      expect(policy.inFlight - 1).toBeLessThan(policy.limit * shares[level])
      return undefined
    },
  })
  const endpoint = chain(policy, bounded)(service)

  const begin = (level: Criticality): void => {
    const id = cancels.length
    const controller = new AbortController()
    cancels.push(controller)
    const outcome = call(
      endpoint,
      { id, level },
      { context: testContext({ clock }), deadlineMs: 1e9, signal: controller.signal },
    )
    void outcome.then(answer => {
      if (answer._tag === 'Right') return answers.set(id, 'fine')
      const { reason, ran } = answer.left
      if (reason === 'OVERLOADED') expect(ran).toBe('no')
      return answers.set(id, reason === 'CANCELLED' ? 'cancelled' : reason)
    })
    model.begin(id, level)
  }
  const finish = async (which: number, end: End): Promise<void> => {
    const id = [...going.keys()][which % going.size]
    if (id === undefined) return
    going.get(id)?.(end)
    going.delete(id)
    await clock.settle()
    model.finish(id, end)
  }
  const actions: Actions = {
    begin({ level, times }) {
      for (let i = 0; i < times; i++) begin(level)
    },
    async finish({ which, end, times }) {
      for (let i = 0; i < times; i++) await finish(which, end)
    },
    cancel({ which }) {
      const id = cancels.length - 1 - which
      if (id < 0) return
      cancels[id]?.abort()
      model.cancel(id)
    },
    async wait({ ms }) {
      await clock.advance(ms)
      model.wait(ms)
    },
    configure({ to }) {
      policy.configure(to)
      model.configure(to)
    },
  }
  const compare = async (): Promise<void> => {
    await clock.settle()
    // As text: to compare long lists again after each command is most of what this would cost.
    expect(started.join()).toBe(model.started.join())
    expect([...answers].sort().join()).toBe([...model.answers].sort().join())
    expect(events.join()).toBe(model.events.join())
    expect([policy.limit, policy.inFlight, policy.queued]).toEqual([model.limit, model.going.size, model.queued])
  }
  const end = async (): Promise<void> => {
    while (going.size > 0) await finish(0, 'fine')
    await actions.wait({ do: 'wait', ms: 300 })
    await compare()
    expect([policy.inFlight, policy.queued, clock.pendingTimers, answers.size]).toEqual([0, 0, 0, cancels.length])
  }
  return { actions, compare, end, events }
}

test('does what the model does', { timeout: deep(30_000, 600_000) }, async () => {
  const seen = new Set<string>()
  const property = fc.asyncProperty(plan, async ({ options, commands }) => {
    const { actions, compare, end, events } = sideBySide(options)
    for (const command of commands) {
      // The action of a command is that of its name.
      await (actions[command.do] as (given: typeof command) => unknown)(command)
      await compare()
    }
    await end()
    for (const event of events) seen.add(event.replace(/ \d+$/, ''))
  })
  await fc.assert(property, { numRuns: deep(40, 5_000) })
  expect([...seen].sort()).toEqual(['limit', 'shed limit', 'shed queue'])
})
