/**
 * Policies against models that say the same in another way: where a call's fate is known when it begins, the model works it out then
 * and there, and waits for nothing.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  around,
  CallError,
  type Code,
  type Context,
  call,
  chain,
  type DomainFailure,
  type Endpoint,
  failureOf,
  fromPromise,
  fromRemote,
  left,
  type MethodInfo,
  manualClock,
  type Outcome,
  right,
  seededRandom,
  testContext,
} from '../../src/core/index.js'
import { expiry, fallback, hedge, inject, timeout } from '../../src/middleware/index.js'
import { wait } from '../../src/middleware/wait.js'
import { deep } from '../deep.js'

const method: MethodInfo = { service: 'shop.v1.Stock', name: 'get', idempotency: 'safe' }
const far = 1e6

/** When the one timer of all deadlines comes by. */
const tickAfter = (ms: number) => Math.ceil(ms / 10) * 10

/** Calls, and what became of each: `done at 12`. */
function bench() {
  const clock = manualClock()
  const answers: string[] = []
  const cancels: (() => void)[] = []
  return {
    clock,
    answers,
    begin(endpoint: Endpoint<never, unknown, DomainFailure>, request: unknown, deadlineMs = far): void {
      const controller = new AbortController()
      const id = cancels.push(() => controller.abort()) - 1
      const options = { context: testContext({ clock, onDefect: () => {} }), deadlineMs, signal: controller.signal }
      void call(endpoint, request as never, options).then(outcome => {
        answers[id] = `${whatOf(outcome)} at ${clock.now()}`
      })
    },
    cancel(id: number): void {
      cancels[id]?.()
    },
  }
}

function whatOf(outcome: Outcome): string {
  if (outcome._tag === 'Right') return String(outcome.right)
  return 'reason' in outcome.left ? String(outcome.left.reason) : outcome.left._tag
}

const waiting = fc.record({ do: fc.constant('wait' as const), ms: fc.nat(60) })
const cancelling = fc.record({ do: fc.constant('cancel' as const), which: fc.nat(1_000) })
const many = <T>(command: fc.Arbitrary<T>) => fc.array(command, { minLength: 20, maxLength: 80, size: 'max' })

/** What a model knows of a call. */
interface Fate {
  what: string
  at: number
}
const told = ({ what, at }: Fate) => `${what} at ${at}`

/** What is done for a command that is not of all. */
interface Actions<C extends Command> {
  begin(command: Extract<C, { readonly do: 'begin' }>, now: number): void
  configure(command: Extract<C, { readonly do: 'configure' }>): void
  /** Which call a `cancel` is of, in the model, too. */
  cancel(which: number, now: number): number
  /** After each command, when all that is due has been done. */
  settled?(now: number): void
}

type Bench = ReturnType<typeof bench>
type Command =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'cancel'; readonly which: number }
  | { readonly do: 'begin' | 'configure' }

/** Does what the commands say, and waits until all calls are over. */
async function play<C extends Command>(
  { clock, cancel }: Bench,
  commands: readonly C[],
  actions: Actions<C>,
): Promise<void> {
  for (const each of [...commands, { do: 'wait', ms: 1_000 } as const]) {
    const now = clock.now()
    if (each.do === 'wait') await clock.advance(each.ms)
    else if (each.do === 'cancel') cancel(actions.cancel(each.which, now))
    else if (each.do === 'configure') actions.configure(each as Extract<C, { readonly do: 'configure' }>)
    else actions.begin(each as Extract<C, { readonly do: 'begin' }>, now) // the last that is left
    await clock.settle()
    actions.settled?.(clock.now())
  }
  expect(clock.pendingTimers).toBe(0)
}

/** Ends a call that has no answer yet. */
function cancelFate(fates: readonly Fate[], which: number, now: number): number {
  const id = which % Math.max(1, fates.length)
  const fate = fates[id]
  if (fate !== undefined && fate.at > now) Object.assign(fate, { what: 'CANCELLED', at: now })
  return id
}

interface Timed {
  readonly tookMs: number
  readonly obeys: boolean
  readonly deadlineMs: number
}

function timedFate({ tookMs, obeys, deadlineMs }: Timed, now: number, timeoutMs: number) {
  const endsAt = tookMs === 0 ? now : now + tookMs + 0.5 // at no tick
  const tooLateAt = tickAfter(now + Math.min(timeoutMs, deadlineMs))
  if (endsAt < tooLateAt) return { what: 'done', at: endsAt, workEndsAt: endsAt }
  const what = deadlineMs <= timeoutMs ? 'DEADLINE_EXCEEDED' : 'TIMEOUT'
  return { what, at: tooLateAt, workEndsAt: obeys ? tooLateAt : endsAt }
}

test('timeout: a call ends at the nearer of two ticks, and work that goes on is counted until it ends', async () => {
  const begin = fc.record({
    do: fc.constant('begin' as const),
    tookMs: fc.oneof(fc.constant(0), fc.nat(150)),
    obeys: fc.boolean(),
    deadlineMs: fc.oneof(fc.constant(far), fc.integer({ min: 1, max: 150 })),
  })
  const configure = fc.record({ do: fc.constant('configure' as const), timeoutMs: fc.integer({ min: 1, max: 120 }) })
  const command = fc.oneof({ weight: 4, arbitrary: begin }, { weight: 3, arbitrary: waiting }, cancelling, configure)
  const work = async ({ tookMs, obeys }: Timed, context: Context) => {
    if (tookMs === 0) return 'done'
    return new Promise<string>(resolve => {
      context.clock.setTimer(() => resolve('done'), tookMs + 0.5)
      if (obeys) context.signal.addEventListener('abort', () => resolve('told to stop'))
    })
  }
  const property = fc.asyncProperty(many(command), async commands => {
    const its = bench()
    const events: string[] = []
    const policy = timeout({ timeoutMs: 50, onEvent: ({ type }) => void events.push(`${type} at ${its.clock.now()}`) })
    const endpoint = policy(fromPromise(work, method))
    const fates: ReturnType<typeof timedFate>[] = []
    let timeoutMs = 50
    await play(its, commands, {
      begin(each, now) {
        its.begin(endpoint, each, each.deadlineMs)
        fates.push(timedFate(each, now, timeoutMs))
      },
      configure(each) {
        policy.configure({ timeoutMs: each.timeoutMs })
        timeoutMs = each.timeoutMs
      },
      cancel: (which, now) => cancelFate(fates, which, now),
      settled(now) {
        const late = fates.filter(({ what, at, workEndsAt }) => what === 'TIMEOUT' && at <= now && now < workEndsAt)
        expect(policy.overdue).toBe(late.length)
      },
    })
    expect(its.answers).toEqual(fates.map(told))
    const late = fates.filter(({ what }) => what === 'TIMEOUT')
    const expected = late.flatMap(({ at, workEndsAt }) => [`timed-out at ${at}`, `ended-late at ${workEndsAt}`])
    expect(events.toSorted()).toEqual(expected.toSorted())
  })
  await fc.assert(property, { numRuns: deep(20, 2_500) })
})

test('expiry: what matters is the time left when the call gets there, by the options of that moment', async () => {
  const begin = fc.record({
    do: fc.constant('begin' as const),
    waitMs: fc.oneof(fc.constant(0), fc.nat(100)),
    deadlineMs: fc.integer({ min: 1, max: 120 }),
  })
  const configure = fc.record({ do: fc.constant('configure' as const), minRemainingMs: fc.nat(60) })
  const command = fc.oneof({ weight: 4, arbitrary: begin }, { weight: 3, arbitrary: waiting }, cancelling, configure)
  const property = fc.asyncProperty(many(command), async commands => {
    const its = bench()
    const { answers } = its
    const events: number[] = []
    const policy = expiry({ onEvent: ({ remainingMs }) => void events.push(remainingMs) })
    const queue = around({
      name: 'queue',
      async enter(context, request) {
        const ended = Number(request) === 0 ? undefined : await wait(context, Number(request) + 0.5) // at no tick
        return ended === undefined ? undefined : left(ended)
      },
    })
    let runs = 0
    const endpoint = chain(queue, policy)(fromPromise((_: number) => (++runs > 0 ? 'done' : 'never'), method))
    const fates: (Fate & { readonly arrivesAt: number; readonly deadline: number })[] = []
    const expected: number[] = []
    let minRemainingMs = 0
    /** Those who have got there since it was last asked. */
    const arrive = (now: number) => {
      for (const fate of fates.filter(({ what, arrivesAt }) => what === '' && arrivesAt <= now)) {
        const remaining = fate.deadline - fate.arrivesAt
        fate.what = remaining > minRemainingMs ? 'done' : 'DEADLINE_EXCEEDED'
        if (remaining <= minRemainingMs) expected.push(remaining)
      }
    }
    await play(its, commands, {
      begin({ waitMs, deadlineMs }, now) {
        its.begin(endpoint, waitMs, deadlineMs)
        const arrivesAt = waitMs === 0 ? now : now + waitMs + 0.5
        const tooLateAt = tickAfter(now + deadlineMs)
        const what = arrivesAt > tooLateAt ? 'DEADLINE_EXCEEDED' : '' // not known before it gets there
        fates.push({ what, at: Math.min(arrivesAt, tooLateAt), arrivesAt, deadline: now + deadlineMs })
      },
      configure(each) {
        policy.configure({ minRemainingMs: each.minRemainingMs })
        minRemainingMs = each.minRemainingMs
      },
      cancel: (which, now) => cancelFate(fates, which, now),
      settled: arrive,
    })
    expect(answers).toEqual(fates.map(told))
    expect(runs).toBe(fates.filter(({ what }) => what === 'done').length)
    expect(events.toSorted()).toEqual(expected.toSorted())
  })
  await fc.assert(property, { numRuns: deep(20, 2_500) })
})

interface Hit {
  readonly now: number
  readonly deadlineMs: number
  readonly latencyMs?: number
  readonly fails?: boolean
}

function injectedFate({ now, deadlineMs, latencyMs = 0, fails = false }: Hit) {
  const [goesOnAt, tooLateAt] = [now + latencyMs, tickAfter(now + deadlineMs)]
  const always = { begunAt: now, isDelayed: latencyMs > 0 }
  if (goesOnAt > tooLateAt) return { ...always, what: 'DEADLINE_EXCEEDED', at: tooLateAt }
  return { ...always, what: fails ? 'DOWN' : 'done', at: goesOnAt }
}

test('inject: hits those that a coin of our own hits, late or not, and runs the others', async () => {
  const begin = fc.record({
    do: fc.constant('begin' as const),
    matches: fc.boolean(),
    deadlineMs: fc.oneof(fc.constant(far), fc.integer({ min: 1, max: 60 })),
  })
  const configure = fc.record({
    do: fc.constant('configure' as const),
    ratio: fc.constantFrom(0, 0.5, 1),
    latencyMs: fc.constantFrom(0, 7.5, 50.5),
    fails: fc.boolean(),
  })
  const command = fc.oneof({ weight: 4, arbitrary: begin }, { weight: 3, arbitrary: waiting }, cancelling, configure)
  const property = fc.asyncProperty(many(command), fc.integer(), async (commands, seed) => {
    const its = bench()
    const { clock, answers } = its
    const events: string[] = []
    const down = failureOf('unavailable', 'DOWN', 'as if it were')
    const policy = inject({
      ratio: 0.5,
      random: seededRandom(seed),
      matches: request => request === true,
      onEvent: ({ type }) => void events.push(`${type} at ${clock.now()}`),
    })
    let runs = 0
    const endpoint = policy(fromPromise((_: boolean) => (++runs > 0 ? 'done' : 'never'), method))
    const coin = seededRandom(seed)
    const fates: ReturnType<typeof injectedFate>[] = []
    let options = { ratio: 0.5, latencyMs: 0, fails: false }
    await play(its, commands, {
      begin({ matches, deadlineMs }, now) {
        its.begin(endpoint, matches, deadlineMs)
        const isHit = options.ratio > 0 && matches && coin.next() < options.ratio
        fates.push(injectedFate({ now, deadlineMs, ...(isHit && options) }))
      },
      configure(each) {
        const { ratio, latencyMs, fails } = each
        policy.configure({ ratio, latencyMs, failure: fails ? down : undefined })
        options = each
      },
      cancel: (which, now) => cancelFate(fates, which, now),
    })
    expect(answers).toEqual(fates.map(told))
    expect(runs).toBe(fates.filter(({ what }) => what === 'done').length)
    const expected = fates.flatMap(({ what, at, begunAt, isDelayed }) => [
      ...(isDelayed ? [`delayed at ${begunAt}`] : []),
      ...(what === 'DOWN' ? [`failed at ${at}`] : []),
    ])
    expect(events.toSorted()).toEqual(expected.toSorted())
  })
  await fc.assert(property, { numRuns: deep(20, 2_500) })
})

/** What a service may fail with, and what `fallback` makes of that by itself. */
const kinds = {
  unavailable: 'replaced',
  internal: 'replaced',
  unknown: 'replaced',
  data_loss: 'replaced',
  deadline_exceeded: 'replaced',
  not_found: 'the caller’s',
  invalid_argument: 'the caller’s',
  aborted: 'the caller’s',
  unauthenticated: 'a refusal',
  permission_denied: 'a refusal',
  cancelled: 'nobody waits',
} as const satisfies Partial<Record<Code, string>>
type Kind = keyof typeof kinds

interface Replaced {
  readonly tookMs: number
  readonly ends: Kind | 'OutOfStock' | 'done'
  readonly responds: 'at once' | 'later' | 'with a failure' | 'by throwing one' | 'by mistake'
}

interface Replacing {
  readonly hidesRefusals: boolean
  readonly replaces: 'all' | 'none' | undefined
}

function isReplaced(ends: Replaced['ends'], { hidesRefusals, replaces }: Replacing): boolean {
  if (ends === 'OutOfStock' || ends === 'done' || ends === 'cancelled') return false
  if (kinds[ends] === 'a refusal' && !hidesRefusals) return false
  return replaces === undefined ? kinds[ends] === 'replaced' : replaces === 'all'
}

function replacedFate({ tookMs, ends, responds }: Replaced, now: number, options: Replacing) {
  const at = now + tookMs + 0.5
  const asItWas = { what: ends === 'OutOfStock' || ends === 'done' ? ends : ends.toUpperCase(), at, event: '' }
  if (!isReplaced(ends, options)) return asItWas
  if (responds === 'by mistake') return { ...asItWas, event: 'fallback-failed' }
  const what = responds === 'at once' || responds === 'later' ? 'instead' : 'GONE'
  return { what, at: responds === 'later' ? at + 7.25 : at, event: 'fell-back' }
}

test('fallback: replaces what a table says, with what it is given, by the options that the call began with', async () => {
  const begin = fc.record({
    do: fc.constant('begin' as const),
    tookMs: fc.nat(40),
    ends: fc.constantFrom(...(Object.keys(kinds) as Kind[]), 'OutOfStock' as const, 'done' as const),
    responds: fc.constantFrom('at once', 'later', 'with a failure', 'by throwing one', 'by mistake'),
  })
  const configure = fc.record({
    do: fc.constant('configure' as const),
    hidesRefusals: fc.boolean(),
    replaces: fc.constantFrom(undefined, 'all', 'none'),
  })
  const command = fc.oneof({ weight: 5, arbitrary: begin }, { weight: 2, arbitrary: waiting }, cancelling, configure)
  const gone = failureOf('not_found', 'GONE', 'there is none')
  const property = fc.asyncProperty(many(command), async commands => {
    const its = bench()
    const { clock, answers } = its
    const events: string[] = []
    const policy = fallback<Replaced, string>({
      onEvent: ({ type }) => void events.push(`${type} at ${clock.now()}`),
      async respond(_, { responds }, context) {
        if (responds === 'by mistake') throw new Error('a mistake')
        if (responds === 'by throwing one') throw new CallError(gone)
        if (responds === 'with a failure') return left(gone)
        if (responds === 'later') await wait(context, 7.25)
        return 'instead'
      },
    })
    const service = fromRemote<Replaced, string, DomainFailure>(
      'service',
      async ({ tookMs, ends }, context) => {
        await wait(context, tookMs + 0.5)
        if (ends === 'done') return right('done')
        return left(
          ends === 'OutOfStock' ? { _tag: 'OutOfStock', details: {} } : failureOf(ends, ends.toUpperCase(), ''),
        )
      },
      method,
    )
    const endpoint = policy(service)
    const fates: ReturnType<typeof replacedFate>[] = []
    let options: Replacing = { hidesRefusals: false, replaces: undefined }
    await play(its, commands, {
      begin(each, now) {
        its.begin(endpoint, each)
        fates.push(replacedFate(each, now, options))
      },
      configure(each) {
        const { hidesRefusals, replaces } = each
        const shouldFallBack = replaces === undefined ? undefined : () => replaces === 'all'
        policy.configure({ hidesRefusals, shouldFallBack })
        options = each
      },
      cancel: (which, now) => cancelFate(fates, which, now),
    })
    expect(answers).toEqual(fates.map(told))
    const expected = fates.flatMap(({ what, at, event }) =>
      event === '' || what === 'CANCELLED' ? [] : [`${event} at ${at}`],
    )
    expect(events.toSorted()).toEqual(expected.toSorted())
  })
  await fc.assert(property, { numRuns: deep(20, 2_500) })
})

/** One call of the hedge's model. */
interface Hedged extends Fate {
  /** When each attempt ends, and how. */
  readonly attempts: { readonly endsAt: number; readonly ends: string; hasEnded: boolean }[]
  /** When the second attempt may begin; afterwards `undefined`. */
  hedgesAt: number | undefined
  readonly second: { readonly tookMs: number; readonly ends: string }
}

/** A race of two, step by step, whatever comes first. */
class HedgeModel {
  readonly calls: Hedged[] = []
  readonly events: string[] = []
  ratio = 0.05
  saved = 0

  begin(now: number, call: Pick<Hedged, 'attempts' | 'second'>, delayMs: number): void {
    this.saved = Math.min(10, this.saved + this.ratio)
    this.calls.push({ ...call, hedgesAt: now + delayMs, what: '', at: Number.POSITIVE_INFINITY })
    this.advance(now)
  }

  advance(now: number): void {
    for (;;) {
      const steps = this.calls.flatMap((call, id) => (call.what === '' ? this.#stepsOf(call, id) : []))
      const next = steps.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at || a.id - b.id)[0]
      if (next === undefined) return
      next.take()
    }
  }

  #stepsOf(call: Hedged, id: number) {
    const ends = call.attempts.flatMap((attempt, which) =>
      attempt.hasEnded ? [] : [{ at: attempt.endsAt, id, take: () => this.#end(call, which) }],
    )
    const { hedgesAt } = call
    return hedgesAt === undefined ? ends : [...ends, { at: hedgesAt, id, take: () => this.#hedge(call, hedgesAt) }]
  }

  #hedge(call: Hedged, at: number): void {
    call.hedgesAt = undefined
    const isAllowed = this.saved >= 1
    this.events.push(`${isAllowed ? 'hedged' : 'refused'} at ${at}`)
    if (!isAllowed) return
    this.saved--
    call.attempts.push({ endsAt: at + call.second.tookMs, ends: call.second.ends, hasEnded: false })
  }

  #end(call: Hedged, which: number): void {
    const attempt = call.attempts[which] ?? expect.fail()
    attempt.hasEnded = true
    if (attempt.ends === 'DOWN' && call.attempts.some(({ hasEnded }) => !hasEnded)) return // the other may do better
    Object.assign(call, { what: attempt.ends === 'done' ? `done by ${which + 1}` : attempt.ends, at: attempt.endsAt })
    if (which === 1 && attempt.ends === 'done') this.events.push(`won at ${attempt.endsAt}`)
  }
}

/** No two end at once: which comes first then is another question. */
function apart({ tookMs, ends }: Hedged['second'], part: number): Hedged['second'] {
  return { tookMs: tookMs === 0 ? 0 : tookMs + part / 4_096, ends }
}

test('hedge: the first answer of two counts, and a second attempt costs what calls have saved', async () => {
  const attempt = fc.record({ tookMs: fc.nat(120), ends: fc.constantFrom('done', 'done', 'DOWN', 'WRONG') })
  const begin = fc.record({ do: fc.constant('begin' as const), first: attempt, second: attempt })
  const configure = fc.record({
    do: fc.constant('configure' as const),
    maxExtraRatio: fc.constantFrom(0.05, 0.3, 1),
    minDelayMs: fc.integer({ min: 10, max: 60 }),
  })
  const command = fc.oneof({ weight: 5, arbitrary: begin }, { weight: 3, arbitrary: waiting }, cancelling, configure)
  const property = fc.asyncProperty(many(command), async commands => {
    const its = bench()
    const { clock, answers } = its
    const events: string[] = []
    const policy = hedge({ minCalls: 1, percentile: 0.01, windowMs: far, maxExtraRatio: 0.05, minDelayMs: 20 })
    policy.onEvent(({ type }) => void events.push(`${type} at ${clock.now()}`))
    type Request = readonly { readonly tookMs: number; readonly ends: string }[]
    const service = async (attempts: Request, context: Context): Promise<Outcome> => {
      const { tookMs, ends } = attempts[context.attempt - 1] ?? expect.fail()
      if (tookMs > 0) await wait(context, tookMs)
      if (ends === 'done') return right(`done by ${context.attempt}`)
      return left(failureOf(ends === 'DOWN' ? 'unavailable' : 'invalid_argument', ends, ''))
    }
    const endpoint = policy(fromRemote<Request, unknown>('service', service as never, method))
    const model = new HedgeModel()
    let delayMs = 20
    // So many fast ones that `percentile` is theirs, whatever comes, and the delay is `minDelayMs`.
    const fast = Array.from({ length: 5 }, () => ({
      do: 'begin' as const,
      first: { tookMs: 0, ends: 'done' },
      second: { tookMs: 0, ends: 'done' },
    }))
    await play(its, [...fast, ...commands], {
      begin(each, now) {
        const id = model.calls.length
        const [first, second] = [apart(each.first, id + 1_024), apart(each.second, id + 2_048)]
        its.begin(endpoint, [first, second])
        const attempts = [{ endsAt: now + first.tookMs, ends: first.ends, hasEnded: false }]
        model.begin(now, { attempts, second }, delayMs)
      },
      configure(each) {
        policy.configure({ maxExtraRatio: each.maxExtraRatio, minDelayMs: each.minDelayMs })
        model.ratio = each.maxExtraRatio
        delayMs = each.minDelayMs
      },
      cancel: (which, now) => cancelHedged(model.calls, which, now),
      settled: now => model.advance(now),
    })
    expect(answers).toEqual(model.calls.map(told))
    expect(events).toEqual(model.events)
  })
  await fc.assert(property, { numRuns: deep(20, 2_500) })
})

function cancelHedged(calls: readonly Hedged[], which: number, now: number): number {
  const id = which % Math.max(1, calls.length)
  const call = calls[id]
  if (call?.what === '') Object.assign(call, { what: 'CANCELLED', at: now })
  return id
}
