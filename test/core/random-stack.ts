/** Stacks of middleware as data: drawn at random, built in any composition, run in virtual time, and told as a trace. */
import fc from 'fast-check'
import {
  around,
  branch,
  CallError,
  call,
  chain,
  type Endpoint,
  extend,
  failed,
  failureOf,
  fromPromise,
  intercept,
  type Layer,
  type ManualClock,
  type Middleware,
  manualClock,
  type Outcome,
  right,
  testContext,
} from '../../src/core/index.js'

const enters = [
  'absent',
  'state',
  'extends',
  'slow',
  'refuses',
  'refusesLate',
  'throwsCallError',
  'rejectsCallError',
  'defect',
  'defectLate',
  'aborts',
  'part',
  'bounds',
] as const
const recovers = [
  'absent',
  'same',
  'instead',
  'later',
  'other',
  'again',
  'againInPart',
  'throws',
  'rejects',
  'throwsCallError',
  'aborts',
] as const
const exits = ['absent', 'observes', 'throws', 'rejects'] as const
const openeds = ['absent', 'observes', 'throws'] as const
const runs = ['through', 'slow', 'again', 'recovers', 'refuses', 'throwsCallError', 'defectAfter'] as const
const functions = ['through', 'slow', 'refuses', 'throws', 'rejects'] as const
const leaves = [
  'value',
  'later',
  'left',
  'throwsCallError',
  'defect',
  'throwsAtOnce',
  'aborts',
  'never',
  'obeysAbort',
  'streamEnds',
  'streamFails',
  'streamDefect',
  'streamHangs',
] as const

/** One middleware of a random stack. */
export type Part =
  | {
      readonly kind: 'around'
      readonly enter: (typeof enters)[number]
      readonly recover: (typeof recovers)[number]
      readonly exit: (typeof exits)[number]
      readonly opened: (typeof openeds)[number]
    }
  | { readonly kind: 'intercept'; readonly run: (typeof runs)[number] }
  | { readonly kind: 'function'; readonly run: (typeof functions)[number] }

/** What happens in one run, besides what the middleware do. */
export interface Scene {
  readonly parts: readonly Part[]
  readonly leaf: (typeof leaves)[number]
  readonly end: 'none' | 'cancel' | 'deadline'
  readonly endMs: number
  /** How many items of a stream the caller reads before it leaves; Infinity for all, -1 for never looking at it. */
  readonly items: number
}

const usually = <T>(common: T, all: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(common) }, { weight: 1, arbitrary: fc.constantFrom(...all) })

const part: fc.Arbitrary<Part> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('around' as const),
      enter: usually<(typeof enters)[number]>('state', enters),
      recover: usually<(typeof recovers)[number]>('absent', recovers),
      exit: usually<(typeof exits)[number]>('observes', exits),
      opened: usually<(typeof openeds)[number]>('observes', openeds),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('intercept' as const),
      run: usually<(typeof runs)[number]>('through', runs),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('function' as const),
      run: usually<(typeof functions)[number]>('through', functions),
    }),
  },
)

/** A random scene. */
export const scene: fc.Arbitrary<Scene> = fc.record({
  parts: fc.array(part, { maxLength: 8, size: 'max' }),
  leaf: fc.constantFrom(...leaves),
  end: fc.constantFrom('none', 'cancel', 'deadline'),
  endMs: fc.integer({ min: 1, max: 60 }),
  items: fc.constantFrom(-1, 0, 1, 2, Number.POSITIVE_INFINITY),
})

/** How a list of middleware is put around an endpoint. */
export type Compose = (parts: readonly Middleware[]) => Middleware

/** Everything that could be seen of one run. */
export interface Told {
  /** What the caller saw; apart, since what goes on after the call's end takes no turns with its caller. */
  readonly heard: readonly string[]
  /** What `onDefect` was told, sorted: it is told when it suits. */
  readonly defects: readonly string[]
  /** What happened in the call. */
  readonly events: readonly string[]
  readonly outcome: string
  /** When the work was really over; undefined if never. */
  readonly settledAt: number | undefined
  readonly pendingTimers: number
  /** Of each layer: how often its `enter` completed and its `exit` ran. */
  readonly entered: ReadonlyMap<number, number>
  readonly exited: ReadonlyMap<number, number>
}

// No sum of these falls on a tick of the deadlines or on a cancellation, so that nothing depends on who comes first.
const pauseMs = 3.01

class Stage {
  readonly clock: ManualClock = manualClock()
  readonly cancel = new AbortController()
  readonly events: string[] = []
  readonly heard: string[] = []
  readonly defects: string[] = []
  readonly entered = new Map<number, number>()
  readonly exited = new Map<number, number>()

  tell(event: string): void {
    this.events.push(`${this.clock.now().toFixed(2)} ${event}`)
  }

  hear(event: string): void {
    this.heard.push(`${this.clock.now().toFixed(2)} ${event}`)
  }

  pause(): Promise<void> {
    return new Promise(resolve => void this.clock.setTimer(resolve, pauseMs))
  }
}

const count = (counts: Map<number, number>, i: number): void => void counts.set(i, (counts.get(i) ?? 0) + 1)

/** An outcome in a word. */
function show(outcome: Outcome): string {
  if (outcome._tag === 'Right') return typeof outcome.right === 'object' ? 'right stream' : `right ${outcome.right}`
  const failure = outcome.left
  return 'reason' in failure ? `left ${failure.reason} ${failure.ran}` : `left ${failure._tag}`
}

type AroundPart = Extract<Part, { kind: 'around' }>

function aroundOf(stage: Stage, { enter, recover, exit, opened }: AroundPart, i: number): Middleware {
  const done = <T>(entered: T): T => {
    stage.tell(`${i} entered`)
    count(stage.entered, i)
    return entered
  }
  const refusal = failureOf('resource_exhausted', `REFUSED_${i}`, 'no', { ran: 'no' })
  const begin: Record<typeof enter, (() => never) | undefined | ((context: never) => unknown)> = {
    absent: undefined,
    state: () => done({ state: i }),
    extends: (context: never) => done({ context: extend(context, { [`by${i}`]: i }), state: i }),
    slow: () => stage.pause().then(() => done({ state: i })),
    refuses: () => failed('resource_exhausted', refusal.reason, 'no', { ran: 'no' }),
    refusesLate: () => stage.pause().then(() => failed('resource_exhausted', refusal.reason, 'no', { ran: 'no' })),
    throwsCallError: () => {
      throw new CallError(refusal)
    },
    rejectsCallError: () => stage.pause().then(() => Promise.reject(new CallError(refusal))),
    defect: () => {
      throw new Error(`defect in enter ${i}`)
    },
    defectLate: () => stage.pause().then(() => Promise.reject(new Error(`defect in enter ${i}`))),
    aborts: () => {
      stage.cancel.abort()
      return done({ state: i })
    },
    part: (context: never) => done({ context: branch(context).context, state: i }),
    bounds: (context: never) => {
      const tooLate = () => failureOf('deadline_exceeded', `TOO_LATE_${i}`, 'late')
      return done({ context: branch(context, { deadlineMs: 5 * (i + 1), tooLate }).context, state: i })
    },
  }
  const run = begin[enter]
  return around<unknown>({
    name: `layer ${i}`,
    ...(run !== undefined && {
      enter: (context: never): never => {
        stage.tell(`${i} enters, sees ${Object.keys(context)}`)
        return run(context) as never
      },
    }),
    ...(recover !== 'absent' && { recover: recovering(stage, recover, i) }),
    ...(exit !== 'absent' && {
      exit: (outcome: Outcome, state: unknown, context: object) => {
        if (enter === 'absent') count(stage.entered, i)
        stage.tell(`${i} exits with ${show(outcome)}, has ${state}, sees ${Object.keys(context)}`)
        count(stage.exited, i)
        if (exit === 'throws') throw new Error(`defect in exit ${i}`)
        if (exit === 'rejects') return Promise.reject(new Error(`late defect in exit ${i}`)) as unknown as undefined
      },
    }),
    ...(opened !== 'absent' && {
      opened: (state: unknown) => {
        stage.tell(`${i} opened, has ${state}`)
        if (opened === 'throws') throw new Error(`defect in opened ${i}`)
      },
    }),
  })
}

function recovering(stage: Stage, recover: AroundPart['recover'], i: number): NonNullable<Layer['recover']> {
  const reason = `OTHER_${i}`
  const ways: Readonly<Record<typeof recover, NonNullable<Layer['recover']>>> = {
    absent: same => same,
    same: same => same,
    instead: () => right(`instead ${i}`),
    later: () => stage.pause().then(() => right(`later ${i}`)),
    other: () => failed('aborted', reason, 'another', { ran: 'no' }),
    again: (_, __, { next, request, context }) => next(request, context),
    againInPart: (_, __, { next, request, context }) =>
      stage.pause().then(() => branch(context, { attempt: 2 }).run(next, request)),
    throws: () => {
      throw new Error(`defect in recover ${i}`)
    },
    rejects: () => stage.pause().then(() => Promise.reject(new Error(`defect in recover ${i}`))),
    throwsCallError: () => {
      throw new CallError(failureOf('aborted', reason, 'another', { ran: 'no' }))
    },
    aborts: same => {
      stage.cancel.abort()
      return same
    },
  }
  return (given, state, rest) => {
    stage.tell(`${i} recovers from ${show(given)}, has ${state}, sees ${Object.keys(rest.context)}`)
    return ways[recover](given, state, rest)
  }
}

type InterceptPart = Extract<Part, { kind: 'intercept' }>

function interceptOf(stage: Stage, { run }: InterceptPart, i: number): Middleware {
  return intercept({
    name: `interceptor ${i}`,
    async run(next, request, context) {
      stage.tell(`${i} runs`)
      if (run === 'refuses') return failed('resource_exhausted', `REFUSED_${i}`, 'no', { ran: 'no' })
      if (run === 'throwsCallError') throw new CallError(failureOf('unavailable', `REFUSED_${i}`, 'no', { ran: 'no' }))
      if (run === 'slow') await stage.pause()
      let outcome = await next(request, context)
      stage.tell(`${i} got ${show(outcome)}`)
      if (run === 'again' && outcome._tag === 'Left') outcome = await next(request, context)
      if (run === 'defectAfter') throw new Error(`defect in interceptor ${i}`)
      if (run === 'recovers' && outcome._tag === 'Left') return right('recovered')
      return outcome
    },
  })
}

type FunctionPart = Extract<Part, { kind: 'function' }>

// What somebody writes who knows only the type.
function functionOf(stage: Stage, { run }: FunctionPart, i: number): Middleware {
  return next => request => context => {
    if (run === 'through') return next(request)(context)
    if (run === 'throws') throw new Error(`defect in function ${i}`)
    return async () => {
      stage.tell(`${i} called`)
      if (run === 'rejects') throw new Error(`defect in function ${i}`)
      if (run === 'refuses') return failed('resource_exhausted', `REFUSED_${i}`, 'no', { ran: 'no' })
      await stage.pause()
      return next(request)(context)()
    }
  }
}

async function* items(stage: Stage, leaf: Scene['leaf'], signal: AbortSignal): AsyncGenerator<number> {
  try {
    yield 1
    await stage.pause()
    yield 2
    if (leaf === 'streamFails') throw new CallError(failureOf('data_loss', 'LOST', 'lost', { ran: 'no' }))
    if (leaf === 'streamDefect') throw new Error('defect in stream')
    if (leaf === 'streamHangs') await new Promise(resolve => signal.addEventListener('abort', resolve))
  } finally {
    stage.tell('source closed')
  }
}

function leafOf(stage: Stage, leaf: Scene['leaf'], onSettled: () => void): Endpoint<string, unknown> {
  return fromPromise((request: string, context): unknown => {
    stage.tell(`leaf gets ${request}, sees ${Object.keys(context)}`)
    context.settled(onSettled)
    const failure = failureOf('unavailable', 'BROKEN', 'broken', { ran: 'no' })
    switch (leaf) {
      case 'value':
        return 'value'
      case 'later':
        return stage.pause().then(() => 'value')
      case 'left':
        return stage.pause().then(() => failed('unavailable', 'BROKEN', 'broken', { ran: 'no' }))
      case 'throwsCallError':
        throw new CallError(failure)
      case 'defect':
        return stage.pause().then(() => Promise.reject(new Error('defect in leaf')))
      case 'throwsAtOnce':
        throw new Error('defect in leaf')
      case 'aborts':
        stage.cancel.abort()
        return 'value'
      case 'never':
        return new Promise(() => {})
      case 'obeysAbort':
        return new Promise((_, reject) => {
          context.signal.addEventListener('abort', () => reject(context.signal.reason))
        })
      default:
        return items(stage, leaf, context.signal)
    }
  }) as Endpoint<string, unknown>
}

async function read(stage: Stage, stream: AsyncIterable<unknown>, most: number): Promise<void> {
  if (most < 0) return
  let got = 0
  try {
    if (most === 0) return void (await stream[Symbol.asyncIterator]().return?.())
    for await (const item of stream) {
      stage.hear(`read ${item}`)
      if (++got >= most) break
    }
    stage.hear('read all')
  } catch (thrown) {
    const shown = thrown instanceof CallError ? show({ _tag: 'Left', left: thrown.failure }) : `no CallError: ${thrown}`
    stage.hear(`reading failed with ${shown}`)
  }
}

/** Runs a scene in a composition, to the end of everything that ends. */
export async function play(scene: Scene, compose: Compose): Promise<Told> {
  const stage = new Stage()
  let settledAt: number | undefined
  const middleware = scene.parts.map((part, i) => {
    if (part.kind === 'around') return aroundOf(stage, part, i)
    return part.kind === 'intercept' ? interceptOf(stage, part, i) : functionOf(stage, part, i)
  })
  const leaf = leafOf(stage, scene.leaf, () => {
    settledAt = stage.clock.now()
  })
  const context = testContext({ clock: stage.clock, onDefect: thrown => void stage.defects.push(String(thrown)) })
  let outcome = 'never answered'
  if (scene.end === 'cancel') stage.clock.setTimer(() => stage.cancel.abort(), scene.endMs + 0.5)
  void call(compose(middleware)(leaf), 'request', {
    context,
    signal: stage.cancel.signal,
    deadlineMs: scene.end === 'deadline' ? scene.endMs : 500,
  }).then(
    async given => {
      outcome = show(given)
      stage.hear(`answered ${outcome}`)
      if (given._tag === 'Right' && outcome === 'right stream')
        await read(stage, given.right as AsyncIterable<unknown>, scene.items)
    },
    rejected => {
      outcome = `rejected with ${rejected}`
    },
  )
  await stage.clock.advance(1000)
  const { events, heard, defects, entered, exited } = stage
  return {
    heard,
    defects: defects.sort(),
    events,
    outcome,
    settledAt,
    pendingTimers: stage.clock.pendingTimers,
    entered,
    exited,
  }
}

/** Ways to write down the same stack. Each must behave as the others do. */
export const compositions: Readonly<Record<string, Compose>> = {
  'one chain': parts => chain(...parts),
  'functions applied by hand': parts => endpoint => parts.reduceRight((next, each) => each(next), endpoint),
  'a chain of chains, from the left': parts => parts.reduce((outer, each) => chain(outer, each), chain()),
  'a chain of chains, from the right': parts => parts.reduceRight((inner, each) => chain(each, inner), chain()),
  'nothing fused': parts => chain(...parts.flatMap(each => [each, functionBetween])),
}

const functionBetween: Middleware = next => request => context => next(request)(context)
