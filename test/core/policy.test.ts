/** What every policy has from its frame: options that are checked, that change while calls go on, and events. */
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  around,
  booleanOption,
  call,
  callOrThrow,
  definePolicy,
  explain,
  fixed,
  fromPromise,
  functionOption,
  type Layer,
  type MethodInfo,
  manualClock,
  numberOption,
  objectOption,
  oneOfOption,
  optional,
  type Policy,
  type PolicyEvent,
  type PolicyOptions,
  type Random,
  systemRandom,
  testContext,
} from '../../src/core/index.js'

interface Counted extends PolicyEvent {
  readonly kind: 'meter'
  readonly type: 'counted'
  readonly low: number
  readonly high: number
}

interface MeterOptions extends PolicyOptions<Counted> {
  readonly low: number
  readonly high?: number
  readonly mode?: 'fast' | 'slow'
  readonly loud?: boolean
  readonly key?: (request: unknown) => string
  readonly random?: Random
  readonly hidden?: string | undefined
}

/** Tells what it saw of the options, at the start and at the end of each call. */
const meter = definePolicy<MeterOptions, Counted, { readonly count: number }>({
  kind: 'meter',
  rules: {
    low: numberOption({ min: 0, integer: true }),
    high: numberOption({ fallback: 10, above: 0, max: 1_000 }),
    mode: oneOfOption(['fast', 'slow'], 'fast'),
    loud: booleanOption(false),
    key: functionOption(() => 'all'),
    random: objectOption(['next'], systemRandom),
    hidden: fixed(optional({ must: 'be a string', allows: value => typeof value === 'string' })),
  },
  wrongWith: ({ low, high = 10 }) => (low > high ? `low must be at most high, got ${low} and ${high}` : undefined),
  create(frame) {
    let count = 0
    const middleware = frame.around<Readonly<MeterOptions>>(method => ({
      enter: () => ({ state: frame.current }),
      exit(_, { low, high = 10 }) {
        count++
        frame.emit({ type: 'counted', low, high, method })
      },
    }))
    return {
      middleware,
      controls: {
        get count() {
          return count
        },
      },
    }
  },
})

const method: MethodInfo = { service: 'shop.v1.Orders', name: 'place', idempotency: 'unsafe' }
const done = fromPromise(async () => 'done', method)

describe('construction', () => {
  test('fills in what is not given', () => {
    const { options } = meter({ low: 1, mode: 'slow' })
    expect(options).toEqual({
      low: 1,
      high: 10,
      mode: 'slow',
      loud: false,
      key: expect.any(Function),
      random: systemRandom,
    })
    expect(Object.isFrozen(options)).toBe(true)
  })

  test.each<[given: object, error: Error]>([
    [{}, new TypeError('meter: low is required')],
    [{ low: 1, hihg: 2 }, new TypeError("meter: there is no option 'hihg'")],
    [{ low: 1, __proto__: { high: 7 }, toString: 1 }, new TypeError("meter: there is no option 'toString'")],
    [{ low: -1 }, new RangeError('meter: low must be a whole number in [0, ∞), got -1')],
    [{ low: 1.5 }, new RangeError('meter: low must be a whole number in [0, ∞), got 1.5')],
    [{ low: Number.NaN }, new RangeError('meter: low must be a whole number in [0, ∞), got NaN')],
    [{ low: Infinity }, new RangeError('meter: low must be a whole number in [0, ∞), got Infinity')],
    [{ low: '1' }, new RangeError("meter: low must be a whole number in [0, ∞), got '1'")],
    [{ low: 1n }, new RangeError('meter: low must be a whole number in [0, ∞), got 1')],
    [{ low: null }, new RangeError('meter: low must be a whole number in [0, ∞), got null')],
    [{ low: 1, high: 0 }, new RangeError('meter: high must be in (0, 1000], got 0')],
    [{ low: 1, high: null }, new RangeError('meter: high must be in (0, 1000], got null')],
    [{ low: 1, mode: 'quick' }, new RangeError("meter: mode must be one of 'fast', 'slow', got 'quick'")],
    [{ low: 1, loud: 1 }, new RangeError('meter: loud must be true or false, got 1')],
    [{ low: 1, key: 'id' }, new RangeError("meter: key must be a function, got 'id'")],
    [{ low: 1, random: {} }, new RangeError('meter: random must have next(), got an object')],
    [{ low: 1, name: '' }, new RangeError("meter: name must be a word, or be left out, got ''")],
    [{ low: 1, onEvent: 1 }, new RangeError('meter: onEvent must be a function, or be left out, got 1')],
    [{ low: 11 }, new RangeError('meter: low must be at most high, got 11 and 10')],
    [null as never, new TypeError('meter: options must be an object')],
    [undefined as never, new TypeError('meter: options must be an object')],
  ])('refuses %o', (given, error) => {
    expect(() => meter(given as MeterOptions)).toThrow(error)
  })
})

describe('configure', () => {
  test('changes what is given and keeps the rest, with the state', async () => {
    const policy = meter({ low: 1, mode: 'slow' })
    await call(policy(done), 1)
    policy.configure({ high: 20 })
    expect(policy.options).toMatchObject({ low: 1, high: 20, mode: 'slow' })
    await call(policy(done), 1)
    expect(policy.count).toBe(2)
  })

  test('takes back what is given as undefined: the default holds again', () => {
    const policy = meter({ low: 1, high: 20, mode: 'slow' })
    const { high, mode, ...rest } = meter({ low: 1 }).options
    policy.configure({ high: undefined, mode: undefined })
    expect(policy.options).toEqual({
      ...rest,
      ...(high !== undefined && { high }),
      ...(mode !== undefined && { mode }),
    })
    expect(() => policy.configure({ low: undefined })).toThrow(new TypeError('meter: low is required'))
    const named = meter({ low: 1, name: 'stock' })
    expect(() => named.configure({ name: undefined })).toThrow(new TypeError('meter: name cannot change'))
    expect(named.options.name).toBe('stock')
  })

  test('tells the policy afterwards, and not where nothing has changed', () => {
    const told: unknown[] = []
    const gate = definePolicy<PolicyOptions & { readonly low: number }>({
      kind: 'gate',
      rules: { low: numberOption({ min: 0 }) },
      create: frame => ({
        middleware: frame.around({}),
        controls: {},
        changed: () => told.push(frame.current.low),
      }),
    })
    const policy = gate({ low: 1 })
    expect(() => policy.configure({ low: -1 })).toThrow(RangeError)
    expect(told).toEqual([])
    policy.configure({ low: 2 })
    expect(told).toEqual([2])
  })

  test.each<[changes: object, error: Error]>([
    [{ high: -1, mode: 'slow' }, new RangeError('meter: high must be in (0, 1000], got -1')],
    [{ nothing: 1 }, new TypeError("meter: there is no option 'nothing'")],
    [{ low: 500 }, new RangeError('meter: low must be at most high, got 500 and 10')],
    [{ random: { next: () => 0 } }, new TypeError('meter: random cannot change')],
    [{ name: 'other' }, new TypeError('meter: name cannot change')],
    [{ onEvent: () => {} }, new TypeError('meter: onEvent cannot change')],
  ])('changes nothing when it refuses %o', (changes, error) => {
    const policy = meter({ low: 1 })
    const before = policy.options
    expect(() => policy.configure(changes)).toThrow(error)
    expect(policy.options).toBe(before)
  })

  test('never lets a call see a mixture', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: -2, max: 20 }), { maxLength: 40, size: 'max' }), async updates => {
        const seen: Counted[] = []
        const policy = meter({ low: 0, high: 1, onEvent: event => seen.push(event) })
        const endings: (() => void)[] = []
        const endpoint = policy(fromPromise(() => new Promise<void>(resolve => endings.push(resolve))))
        const calls: Promise<unknown>[] = []
        for (const low of updates) {
          calls.push(call(endpoint, 1))
          if (low < 0) expect(() => policy.configure({ low, high: low + 1 })).toThrow(RangeError)
          else policy.configure({ low, high: low + 1 })
          if (low % 3 === 0) endings.splice(0, 2).forEach(end => void end())
        }
        for (const end of endings) end()
        await Promise.all(calls)
        expect(seen).toHaveLength(updates.length)
        for (const { low, high } of seen) expect(high).toBe(low + 1)
      }),
    )
  })
})

describe('events', () => {
  test('tell what happened, in which policy, of which kind, to which method', async () => {
    const seen: Counted[] = []
    const policy = meter({ low: 1, name: 'stock meter', onEvent: event => seen.push(event) })
    await call(policy(done), 1)
    await call(policy(fromPromise(async () => 1)), 1)
    const common = { policy: 'stock meter', kind: 'meter', type: 'counted', low: 1, high: 10 }
    expect(seen).toEqual([{ ...common, method: 'shop.v1.Orders/place' }, common])
  })

  test('reach listeners until they leave, and survive one that throws', async () => {
    const report = vi.spyOn(console, 'error').mockImplementation(() => {})
    const policy = meter({ low: 1 })
    let heard = 0
    const leave = policy.onEvent(() => void heard++)
    policy.onEvent(() => {
      throw new Error('a bad listener')
    })
    await call(policy(done), 1)
    leave()
    expect(await call(policy(done), 1)).toMatchObject({ right: 'done' })
    expect(heard).toBe(1)
    expect(report).toHaveBeenCalledTimes(2)
    expect(() => policy.onEvent(undefined as never)).toThrow(TypeError)
  })

  test('may be told to an async function: what it rejects with is reported, too', async () => {
    const report = vi.spyOn(console, 'error').mockImplementation(() => {})
    const rejecting = () => async () => {
      throw new Error('a bad listener')
    }
    const policy = meter({ low: 1, onEvent: rejecting() })
    policy.onEvent(rejecting())
    await call(policy(done), 1) // a rejection that nobody sees ends the process
    await vi.waitFor(() => expect(report).toHaveBeenCalledTimes(2), { timeout: 10_000 })
  })
})

test('what layers do without being awaited is a defect when it rejects, wherever it is', async () => {
  const clock = manualClock()
  const defects: unknown[] = []
  const late = (where: string) => async () => {
    throw new Error(where)
  }
  const layer: Layer<undefined> = {
    name: 'hasty',
    opened: late('opened'),
    item: late('item'),
    exit: late('exit'),
    settled: late('settled'),
  }
  async function* items() {
    yield 1
  }
  const context = testContext({ clock, onDefect: thrown => defects.push((thrown as Error).message) })
  const stream = await callOrThrow(around(layer)(fromPromise(async () => items())), 1, { context })
  for await (const _ of stream);
  await vi.waitFor(() => expect(defects).toEqual(['opened', 'item', 'exit', 'settled']), { timeout: 10_000 })
})

test('explain shows the options in force under the name of the policy, its kind as the role', () => {
  const policy: Policy<MeterOptions, Counted> = meter({ low: 1, name: 'stock meter', onEvent: () => {} })
  const endpoint = policy(done)
  policy.configure({ low: 2 })
  expect(explain(endpoint).steps[0]).toMatchObject({
    name: 'stock meter',
    role: 'meter',
    options: { low: 2, high: 10 },
  })
  expect(Object.keys(explain(endpoint).steps[0]?.options ?? {})).not.toContain('onEvent')
})
