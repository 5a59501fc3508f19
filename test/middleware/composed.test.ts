/**
 * Policies in any order and with any options, ours and lifted ones, with keys and without, some of a kind twice, whose options change while
 * calls go on, around a service that does whatever services do: what holds for each call whatever is around it, and what is left when all have ended.
 * In a process of its own, since cockatiel's timers are put on the manual clock.
 */
import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import {
  CallError,
  type Context,
  call,
  chain,
  fromPromise,
  fromRemote,
  left,
  type ManualClock,
  type MethodInfo,
  manualClock,
  right,
  testContext,
} from '../../src/core/index.js'
import { deep } from '../deep.js'
import { Attachments } from './attachments.js'
import { Counts, countEnds, firstOf, idsOf } from './composed-counts.js'
import { LiftedMix, runCockatielOn } from './composed-lifted.js'
import {
  failures,
  fixedSettings,
  type Made,
  type Name,
  names,
  policiesFor,
  type Settings,
  settings,
} from './composed-policies.js'
import { hashPromptly } from './prompt-hashes.js'

beforeEach(hashPromptly)

const method: MethodInfo = { service: 'shop.v1.Stock', name: 'get', idempotency: 'safe' }
const tickMs = 10

/** What the service does with a call. */
const behaviour = fc.record({
  tookMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 300 }), fc.constant(5_000)),
  ends: fc.constantFrom('answers', 'fails', 'refuses', 'rejects', 'throws', 'is wrong'),
  obeys: fc.boolean(),
})
type Drawn<A> = A extends fc.Arbitrary<infer T> ? T : never
type Behaviour = Drawn<typeof behaviour>

const ms = (max: number) => fc.integer({ min: 1, max })
const calls = fc.array(
  fc.record({
    gapMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 60 })),
    deadlineMs: ms(1_000),
    cancelledAfterMs: fc.option(ms(300), { nil: undefined }),
    behaviours: fc.array(behaviour, { minLength: 1, maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 25, size: 'max' },
)
/** Most of them while calls come, some of them while a policy tells of something. */
const changes = fc.array(
  fc.record({
    atMs: fc.integer({ min: 0, max: 300 }),
    atEvent: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
    to: settings,
  }),
  { maxLength: 12, size: 'max' },
)

/** A call of the service, done as its behaviour says; one that does not obey goes on when it is aborted. */
function run({ tookMs, ends, obeys }: Behaviour, context: Context, id: number) {
  const end = () => {
    if (ends === 'answers') return right({ of: id })
    if (ends === 'throws') throw new CallError(failures.fails)
    if (ends === 'rejects') throw new CallError(failures.refuses)
    return left(failures[ends])
  }
  if (tookMs === 0) return end()
  return new Promise<void>(resolve => {
    const timer = context.clock.setTimer(resolve, tookMs)
    const stop = () => {
      timer.cancel()
      resolve()
    }
    if (obeys) context.signal.addEventListener('abort', stop, { once: true })
  }).then(end)
}

/** The policies of one set that are in the stack. */
interface Picked {
  readonly own: readonly Name[]
  readonly made: Made
}

/** Gives all of them other options, whenever that is to be. */
function changeAll(clock: ManualClock, sets: readonly Picked[], given: Drawn<typeof changes>): void {
  const change = (to: Settings): void => {
    for (const { made, own } of sets) for (const name of own) made.change(name, to)
  }
  for (const { atMs, atEvent, to } of given) if (atEvent === undefined) clock.setTimer(() => change(to), atMs)
  let events = 0
  const tell = (): void => {
    events++
    for (const { atEvent, to } of given) if (atEvent === events) change(to)
  }
  for (const { made, own } of sets) for (const name of own) made.onEvent(name, tell)
}

/** How often a call may be run: those that make attempts know that they are beneath others, but for cockatiel's. */
function mostRunsOf(sets: readonly Picked[]): number {
  const own = sets.flatMap(({ own, made }) => [
    own.includes('retry') ? made.mostAttempts() : 1,
    own.includes('hedge') ? 2 : 1,
  ])
  const lifted = sets.map(({ own, made }) => (own.includes('policy') ? made.mostLiftedAttempts() : 1))
  return Math.max(...own) * lifted.reduce((product, each) => product * each, 1)
}

async function runAll(
  clock: ManualClock,
  endpoint: Parameters<typeof call>[0],
  { given, context }: { readonly given: Drawn<typeof calls>; readonly context: Context },
) {
  const ended: { count: number; lateMs: number }[] = []
  for (const [i, { gapMs, deadlineMs, cancelledAfterMs }] of given.entries()) {
    if (gapMs > 0) await clock.advance(gapMs)
    const result = { count: 0, lateMs: Number.NEGATIVE_INFINITY }
    ended.push(result)
    const controller = new AbortController()
    if (cancelledAfterMs !== undefined) clock.setTimer(() => controller.abort(), cancelledAfterMs)
    const mustEndAt = clock.now() + Math.min(deadlineMs, cancelledAfterMs ?? deadlineMs)
    void call(endpoint, i, { context, deadlineMs, signal: controller.signal }).then(() => {
      result.count++
      result.lateMs = clock.now() - mustEndAt
    })
  }
  await clock.advance(60_000)
  return ended
}

test('whatever is around it, a call ends once and in time, and nothing is left behind', {
  timeout: 600_000,
}, async () => {
  const attachments = new Attachments()
  const seen: Counts[] = []
  let clock = manualClock()
  runCockatielOn(() => clock)
  // Two of each kind, with state and options of their own.
  const stack = fc.shuffledSubarray(
    [...names.map(name => [0, name] as const), ...names.map(name => [1, name] as const)],
    {
      maxLength: names.length,
    },
  )
  const both = fc.tuple(fc.tuple(settings, fixedSettings), fc.tuple(settings, fixedSettings))
  const property = fc.asyncProperty(
    stack,
    both,
    calls,
    changes,
    fc.boolean(),
    async (picked, drawn, given, ...more) => {
      const [changing, isInside] = more
      clock = manualClock()
      const runs = new Map<number, number>()
      const sets = drawn.map(([first, fixed], set) => {
        const counts = new Counts(clock)
        const lifted = new LiftedMix()
        const own = picked.filter(([of]) => of === set).map(([, name]) => name)
        return { counts, lifted, own, made: policiesFor({ first, fixed, counts, lifted, clock }) }
      })
      const ends = countEnds()
      const service = fromRemote<unknown, unknown>(
        'service',
        (request, context) => {
          const id = firstOf(request)
          const nth = runs.get(id) ?? 0
          for (const each of idsOf(request)) runs.set(each, (runs.get(each) ?? 0) + 1)
          const behaviours = given[id]?.behaviours ?? []
          return run(behaviours[nth % behaviours.length] ?? expect.fail(), context, id)
        },
        method,
      )
      const layers = picked.flatMap(([set, name]) => [sets[set]?.made.all[name] ?? expect.fail(), ends.layer])
      const endpoint = chain(ends.layer, ...layers)(service)
      changeAll(clock, sets, changing)
      // All calls are made on one signal, or in one call of somebody else: both go on when the calls have ended.
      const outside = new AbortController()
      const defects: unknown[] = []
      const root = testContext({ clock, signal: outside.signal, onDefect: defect => void defects.push(defect) })
      const before = attachments.count
      const all = async (context: Context) => {
        const results = await runAll(clock, endpoint, { given, context })
        expect(attachments.count - before).toBe(0)
        return results
      }
      const whole = isInside
        ? await call(
            fromPromise((_, context) => all(context)),
            0,
            { context: root, deadlineMs: 1e9 },
          )
        : right(await all(root))
      const ended = whole._tag === 'Right' ? whole.right : expect.fail()

      for (const { count, lateMs } of ended) {
        expect(count).toBe(1)
        expect(lateMs).toBeLessThanOrEqual(tickMs)
      }
      expect(ends.of.filter(({ count }) => count !== 1)).toEqual([])
      const mostRuns = mostRunsOf(sets)
      for (const count of runs.values()) expect(count).toBeLessThanOrEqual(mostRuns)
      for (const { counts, lifted, own, made } of sets) {
        expect(counts.retries).toBeLessThanOrEqual(made.mostRetries())
        if (own.includes('retry')) seen.push(counts)
        expect([counts.wrongs, lifted.mixtures]).toEqual([[], 0])
        expect(made.left.filter(count => count !== 0)).toEqual([])
      }
      expect([clock.pendingTimers, defects]).toEqual([0, []])

      const endsBefore = attachments.ends
      expect(getEventListeners(outside.signal, 'abort').length).toBeLessThanOrEqual(1)
      outside.abort()
      for (const { lifted } of sets) lifted.abort()
      expect(attachments.ends - endsBefore).toBe(0) // nobody listens to those any more
    },
  )
  await fc.assert(property, { numRuns: deep(200, 5_000) })
  // The bounds have been reached, or they would say nothing.
  for (const reached of [({ retries }: Counts) => retries > 0, ({ unpaid }: Counts) => unpaid > 0])
    expect(seen.filter(reached).length).toBeGreaterThan(seen.length / 20)
})
