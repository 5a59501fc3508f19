/** Whatever happens in whatever order, `breaker` does what a model does that keeps every call. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  call,
  type Failure,
  failureOf,
  left,
  manualClock,
  mockEndpoint,
  right,
  seededRandom,
  testContext,
} from '../../src/core/index.js'
import { type BreakerEvent, breaker } from '../../src/middleware/index.js'
import { deep } from '../deep.js'
import { BreakerModel, type ModelOptions } from './breaker-model.js'

const answers = {
  fine: { says: 'success', failure: undefined },
  down: { says: 'failure', failure: failureOf('unavailable', 'DOWN', '') },
  refusing: { says: 'failure', failure: failureOf('unavailable', 'CONNECTION_REFUSED', '', { ran: 'no' }) },
  defect: { says: 'failure', failure: failureOf('internal', 'DEFECT', '', { peer: 'stock' }) },
  limited: { says: 'success', failure: failureOf('resource_exhausted', 'FULL', '', { ran: 'no', peer: 'stock' }) },
  missing: { says: 'success', failure: failureOf('not_found', 'NONE', '') },
  outOfStock: { says: 'success', failure: { _tag: 'OutOfStock', details: {} } as unknown as Failure },
  cancelled: { says: 'nothing', failure: failureOf('cancelled', 'CANCELLED', '') },
  full: { says: 'nothing', failure: failureOf('resource_exhausted', 'FULL', '', { ran: 'no' }) },
  innerOpen: { says: 'nothing', failure: failureOf('unavailable', 'BREAKER_OPEN', '', { ran: 'no' }) },
} as const

const count = fc.integer({ min: 1, max: 6 })
const ms = fc.integer({ min: 1, max: 300 })
const ratio = fc.constantFrom(0.2, 0.5, 0.75, 1, Infinity)
const changing = {
  errorRatio: ratio,
  minCalls: fc.oneof(count, fc.constant(Infinity)),
  windowMs: fc.constantFrom(40, 100, 250, 1_000),
  consecutiveFailures: fc.oneof(count, fc.constant(Infinity)),
  slowCallMs: fc.oneof(ms, fc.constant(Infinity)),
  slowRatio: ratio,
  openMs: ms,
  openFactor: fc.constantFrom(1, 1.5, 2),
  openJitter: fc.constantFrom(0, 0.5, 1),
  probes: fc.integer({ min: 1, max: 3 }),
  probeMs: ms,
}
const first: fc.Arbitrary<ModelOptions> = fc
  .tuple(
    fc.record({ ...changing, maxOpenMs: fc.integer({ min: 300, max: 900 }) }),
    fc.record({ windowCalls: fc.integer({ min: 1, max: 8 }) }, { requiredKeys: [] }),
  )
  .map(([all, window]) => ({ ...all, ...window }))

type Step =
  | { readonly do: 'begin' }
  | { readonly do: 'end'; readonly which: number; readonly as: keyof typeof answers }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'configure'; readonly to: Partial<ModelOptions> }
  | { readonly do: 'force'; readonly to: 'open' | 'closed' | undefined }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('begin' as const) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      which: fc.nat(),
      as: fc.constantFrom('down', 'refusing', 'defect', ...(Object.keys(answers) as (keyof typeof answers)[])),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 200 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('configure' as const), to: fc.record(changing, { requiredKeys: [] }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('force' as const),
      to: fc.constantFrom('open' as const, 'closed' as const, undefined, undefined),
    }),
  },
)

/** A breaker and its model, to which the same happens. */
function sideBySide(options: ModelOptions, seed: number) {
  const clock = manualClock()
  const log: string[] = []
  const onEvent = (event: BreakerEvent): void => {
    log.push(event.type === 'opened' ? `opened ${event.why} ${event.openMs}` : event.type)
  }
  const policy = breaker({ ...options, random: seededRandom(seed), onEvent })
  const model = new BreakerModel(options, seed)
  const mock = mockEndpoint<number, number>()
  const guarded = policy(mock.endpoint)
  const context = testContext({ clock })
  const going: ((as: keyof typeof answers) => Promise<void>)[] = []

  const begin = async (): Promise<void> => {
    const expected = model.begin(clock.now())
    const outcome = call(guarded, 1, { context, deadlineMs: 1e9 })
    if (typeof expected === 'number') {
      const answer = await outcome
      if (answer._tag === 'Right') throw new Error('it was let through')
      const { retryAfterMs = Infinity, ...refused } = answer.left
      expect(refused).toMatchObject({ code: 'unavailable', reason: 'BREAKER_OPEN', ran: 'no' })
      expect(retryAfterMs).toBe(expected)
      return
    }
    const arrived = await mock.next()
    going.push(async as => {
      const { says, failure } = answers[as]
      if (failure === undefined) arrived.respond(7)
      else arrived.fail(failure)
      expect(await outcome).toEqual(failure === undefined ? right(7) : left(failure))
      model.end(expected, says, clock.now())
    })
  }

  const configure = async (to: Partial<ModelOptions>): Promise<void> => {
    const { maxOpenMs } = model.options
    const allowed = to.openMs === undefined ? to : { ...to, openMs: Math.min(to.openMs, maxOpenMs) }
    policy.configure(allowed)
    model.configure(allowed, clock.now())
    await begin() // changes act from the next call on
  }

  const take = async (step: Step): Promise<void> => {
    if (step.do === 'begin') await begin()
    else if (step.do === 'end') await going.splice(step.which % Math.max(1, going.length), 1)[0]?.(step.as)
    else if (step.do === 'wait') await clock.advance(step.ms)
    else if (step.do === 'configure') await configure(step.to)
    else {
      policy.force(step.to)
      model.force(step.to)
    }
    expect([policy.state, policy.forced]).toEqual([model.forced ?? model.state, model.forced])
    expect(policy.counts).toEqual(model.counts(clock.now()))
    expect(log).toEqual(model.log)
  }

  /** Whatever happened: once the service answers again, so many calls as probes are needed close it. */
  const recover = async (): Promise<void> => {
    while (going.length > 0) await take({ do: 'end', which: 0, as: 'fine' })
    await clock.advance(1_000) // more than it may stay open
    // One that is closed may still open when a success makes its calls enough for a ratio: that is no part of this.
    for (let probes = 0; policy.state !== 'closed' && policy.forced === undefined; probes++) {
      expect(probes).toBeLessThan(model.options.probes)
      await take({ do: 'begin' })
      await take({ do: 'end', which: 0, as: 'fine' })
    }
  }
  return { take, recover, log }
}

test('does what the model does', { timeout: deep(30_000, 600_000) }, async () => {
  const seen = new Set<string>()
  const steps = fc.array(step, { minLength: 20, maxLength: 100, size: 'max' })
  const run = fc.asyncProperty(first, fc.integer(), steps, async (options, seed, all) => {
    const { take, recover, log } = sideBySide(options, seed)
    for (const each of all) await take(each)
    await recover()
    for (const line of log) seen.add(line.replace(/ [\d.]+$/, ''))
  })
  await fc.assert(run, { numRuns: deep(200, 4_000) })
  const opened = ['errorRatio', 'slowRatio', 'consecutiveFailures', 'probe'].map(why => `opened ${why}`)
  expect([...seen]).toEqual(expect.arrayContaining([...opened, 'half-opened', 'closed', 'refused', 'released']))
})
