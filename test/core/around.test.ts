/** What layers, providers, guards and interceptors may do, and what running them costs. */
import { describe, expect, test } from 'vitest'
import {
  around,
  CallError,
  Context,
  call,
  callOrThrow,
  chain,
  type Endpoint,
  extend,
  failed,
  failureOf,
  fromPromise,
  guard,
  intercept,
  isLeft,
  type Layer,
  left,
  type MethodInfo,
  manualClock,
  type Outcome,
  type ProviderLayer,
  provide,
  right,
  testContext,
  withMethod,
} from '../../src/core/index.js'
import { promisesOf } from './promises-of.js'

const method: MethodInfo = { service: 'shop.v1.Orders', name: 'place', idempotency: 'unsafe' }

/** A promise as another library would make it. */
function thenable<T>(value: T): Promise<T> {
  // biome-ignore lint/suspicious/noThenProperty: this is what it is about
  return { then: (resolve: (value: T) => void) => resolve(value) } as unknown as Promise<T>
}

describe('ten neighbouring layers', () => {
  const layer = around<number>({ name: 'layer', enter: () => ({ state: 1 }), exit: () => {} })
  const ten = chain(...Array.from({ length: 10 }, () => layer))
  const leaf = fromPromise(async (n: number) => n)
  const ways: readonly {
    readonly how: string
    readonly run: (endpoint: Endpoint<number, number>) => Promise<unknown>
  }[] = [
    { how: 'through call', run: endpoint => call(endpoint, 1) },
    { how: 'called directly', run: endpoint => endpoint(1)(testContext())() },
    {
      how: 'called from a handler',
      run: endpoint =>
        call(
          fromPromise((n: number, c) => endpoint(n)(c)()),
          1,
        ),
    },
  ]

  test.each(ways)('cost at most one promise more than none, $how', async ({ run }) => {
    const stack = ten(leaf)
    const bare = await promisesOf(() => run(leaf))
    expect(bare).toBeGreaterThan(0)
    expect(await promisesOf(() => run(stack))).toBeLessThanOrEqual(bare + 1)
  })

  test('cost a promise each where a function comes between them, so that counting them shows something', async () => {
    const between =
      (next: Endpoint<number, number>): Endpoint<number, number> =>
      request =>
      context =>
        next(request)(context)
    const apart = Array.from({ length: 10 }).reduce<Endpoint<number, number>>(next => layer(between(next)), leaf)
    const bare = await promisesOf(() => call(leaf, 1))
    expect(await promisesOf(() => call(apart, 1))).toBeGreaterThan(bare + 9)
  })
})

describe('enter', () => {
  const refusal = failureOf('unavailable', 'TOO_BUSY', 'later', { ran: 'no' })
  const refusals: readonly { readonly how: string; readonly enter: () => never }[] = [
    { how: 'returned', enter: () => left(refusal) as never },
    { how: 'returned later', enter: () => Promise.resolve(left(refusal)) as never },
    {
      how: 'thrown',
      enter: () => {
        throw new CallError(refusal)
      },
    },
    { how: 'rejected with', enter: () => Promise.reject(new CallError(refusal)) as never },
    { how: "given as another library's Left", enter: () => ({ _tag: 'Left', left: refusal }) as never },
    {
      how: "given through another library's promise",
      enter: () => thenable(left(refusal)) as never,
    },
  ]
  test.each(refusals)('refuses with a failure that is $how, and what is inside does not run', async ({ enter }) => {
    const ran: string[] = []
    const stack = chain(
      around({ name: 'outer', exit: outcome => void ran.push(`outer ${outcome._tag}`) }),
      around({ name: 'refuses', enter, exit: () => void ran.push('refuses') }),
      around({ name: 'inner', enter: () => void ran.push('inner') as undefined, exit: () => void ran.push('inner') }),
    )(fromPromise(async () => void ran.push('leaf')))
    expect(await call(stack, 1)).toEqual(left(refusal))
    expect(ran).toEqual(['outer Left'])
  })

  test.each([null, 7, 'yes', true])(
    'lets the call on, or fails it as a defect, but never rejects: %j',
    async entered => {
      const thrown: unknown[] = []
      const stack = around({ name: 'odd', enter: () => entered as never })(fromPromise(async () => 'ran'))
      const context = testContext({ onDefect: each => void thrown.push(each) })
      const outcome = await call(stack, 1, { context })
      expect(outcome._tag === 'Right' || thrown.length === 1).toBe(true)
    },
  )

  test('sees the request as it came, and the context as the layers outside left it', async () => {
    const seen: unknown[] = []
    const tenantOf = (context: object) => (context as { readonly tenant?: string }).tenant
    const stack = chain(
      around({ name: 'outer', enter: context => ({ context: extend(context, { tenant: 'a' }) }) }),
      around({ name: 'inner', enter: (context, request) => void seen.push(request, tenantOf(context)) as undefined }),
    )(fromPromise(async (_: object, context) => void seen.push(tenantOf(context))))
    await call(stack, { id: 1 })
    expect(seen).toEqual([{ id: 1 }, 'a', 'a'])
  })
})

describe('exit', () => {
  test('gets the outcome, its own state and its own context', async () => {
    const seen: unknown[] = []
    const addedTo = (context: object) => {
      const { by1, by2 } = context as { readonly by1?: number; readonly by2?: number }
      return [by1, by2]
    }
    const layer = (i: number) =>
      around<number>({
        name: `${i}`,
        enter: context => ({ context: extend(context, { [`by${i}`]: i }), state: i * 10 }),
        exit: (outcome, state, context) => void seen.push([outcome, state, addedTo(context)]),
      })
    const outcome = await call(chain(layer(1), layer(2))(fromPromise(async () => 'done')), 1)
    expect(outcome).toEqual(right('done'))
    expect(seen).toEqual([
      [outcome, 20, [1, 2]],
      [outcome, 10, [1, undefined]],
    ])
  })

  test('changes nothing by what it returns or throws', async () => {
    const thrown: unknown[] = []
    const order: string[] = []
    const broken: Layer<unknown>['exit'][] = [
      () => left('not this') as never,
      () => {
        throw new Error('from exit')
      },
      () => Promise.reject(new Error('late from exit')) as never,
    ]
    const layers = broken.map((exit, i) =>
      chain(
        around({ name: 'plain', exit: () => void order.push(`${i}`) }),
        around({ name: 'broken', exit: exit as never }),
      ),
    )
    const context = testContext({ onDefect: each => void thrown.push(each) })
    expect(await call(chain(...layers)(fromPromise(async () => 1)), 1, { context })).toEqual(right(1))
    expect(order).toEqual(['2', '1', '0'])
    expect(thrown.map(String).sort()).toEqual(['Error: from exit', 'Error: late from exit'])
  })

  test('runs in the layers further out even if onDefect throws', async () => {
    const order: string[] = []
    const stack = chain(
      around({ name: 'outer', exit: () => void order.push('outer') }),
      around({
        name: 'inner',
        exit: () => {
          throw new Error('from exit')
        },
      }),
    )(fromPromise(async () => 1))
    const onDefect = () => {
      order.push('told')
      throw new Error('from onDefect')
    }
    const reported = await stderrOf(async () => {
      expect(await call(stack, 1, { context: testContext({ onDefect }) })).toEqual(right(1))
    })
    expect(order).toEqual(['told', 'outer'])
    expect(reported).toMatch(/from onDefect/)
  })

  test('gives back what an enter took that was still going on when the call ended', async () => {
    const clock = manualClock()
    let taken = 0
    let finish = (): void => {}
    const semaphore = around<number>({
      name: 'semaphore',
      enter: () =>
        new Promise(resolve => {
          finish = () => resolve({ state: ++taken })
        }),
      exit: outcome => {
        taken -= isLeft(outcome) ? 1 : 100
      },
    })
    const answer = call(semaphore(fromPromise(async () => 1)), 1, { context: testContext({ clock }), deadlineMs: 10 })
    await clock.advance(10)
    expect(await answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
    finish()
    await clock.settle()
    expect(taken).toBe(0)
  })

  test('runs where an enter itself ended the call, and nothing further in is entered', async () => {
    const controller = new AbortController()
    const order: string[] = []
    const tell = (name: string, onEnter = () => {}) =>
      around({
        name,
        enter: () => {
          order.push(`${name} enters`)
          onEnter()
          return {}
        },
        exit: outcome => void order.push(`${name} exits ${outcome._tag}`),
      })
    const stack = chain(
      tell('a'),
      tell('b', () => controller.abort()),
      tell('c'),
    )(fromPromise(() => order.push('leaf')))
    expect(await call(stack, 1, { signal: controller.signal })).toMatchObject({ left: { reason: 'CANCELLED' } })
    expect(order).toEqual(['a enters', 'b enters', 'a exits Left', 'b exits Left'])
  })
})

async function stderrOf(work: () => Promise<void>): Promise<string> {
  const { error } = console
  const lines: string[] = []
  console.error = (...all: unknown[]) => void lines.push(all.map(String).join(' '))
  try {
    await work()
  } finally {
    console.error = error
  }
  return lines.join('\n')
}

describe('a layer made per method', () => {
  test('is made once for each endpoint it wraps, and again when the method becomes known', async () => {
    const made: (string | undefined)[] = []
    const layer = around(known => {
      made.push(known?.name)
      return { name: 'layer' }
    })
    const endpoint = layer(fromPromise(async () => 1))
    const rebound = withMethod(endpoint, method)
    await call(rebound, 1)
    await call(rebound, 1)
    expect(made).toEqual([undefined, 'place'])
  })

  test('is made again inside an interceptor too', () => {
    const made: (string | undefined)[] = []
    const layer = around(known => {
      made.push(known?.name)
      return { name: 'layer' }
    })
    const through = intercept(known => {
      made.push(`interceptor of ${known?.name}`)
      return { name: 'through', run: (next, request, context) => next(request, context) }
    })
    withMethod(chain(through, layer)(fromPromise(async () => 1)), method)
    expect(made).toEqual([undefined, 'interceptor of undefined', 'place', 'interceptor of place'])
  })
})

describe('provide', () => {
  type Principal = { readonly principal: { readonly id: string } }
  const provider = (enter: ProviderLayer<Principal, undefined>['enter']) => provide<Principal>({ name: 'auth', enter })
  const whoAmI = fromPromise(async (_: number, context: Context & Principal) => context.principal.id)
  const given = { provide: { principal: { id: 'ada' } } }

  test.each([
    { how: 'at once', enter: () => given },
    { how: 'later', enter: async () => given },
    {
      how: "through another library's promise",
      enter: () => thenable(given),
    },
  ])('gives what the endpoint needs, $how', async ({ enter }) => {
    expect(await call(provider(enter)(whoAmI), 1)).toEqual(right('ada'))
  })

  test('refuses, and what is inside does not run', async () => {
    const refused = failed('unauthenticated', 'NO_TOKEN', 'who are you?', { ran: 'no' })
    expect(await call(provider(() => refused)(whoAmI), 1)).toEqual(refused)
  })

  test('does not let a call on when it gives nothing at all', async () => {
    const context = testContext({ onDefect: () => {} })
    const outcome = await call(provider(() => undefined as never)(whoAmI), 1, { context })
    expect(outcome).toMatchObject({ left: { reason: 'DEFECT' } })
  })

  test('keeps the state for exit', async () => {
    const seen: unknown[] = []
    const layer = provide<Principal, number>({
      name: 'auth',
      enter: () => ({ ...given, state: 7 }),
      exit: (_, state, context) => void seen.push(state, (context as Context & Principal).principal),
    })
    await call(layer(whoAmI), 1)
    expect(seen).toEqual([7, given.provide.principal])
  })

  test('does not change the context of the caller', async () => {
    const context = testContext()
    await call(provider(() => given)(whoAmI), 1, { context })
    expect(context).toMatchObject({ principal: undefined })
  })
})

test('a guard reads what a provider outside it gave', async () => {
  const allowed = guard<{ readonly scopes: readonly string[] }>({
    name: 'authorize',
    enter: ({ scopes }) =>
      scopes.includes('write') ? undefined : failed('permission_denied', 'NO_SCOPE', 'not you', { ran: 'no' }),
  })
  const granting = (...scopes: string[]) =>
    provide<{ readonly scopes: readonly string[] }>({ name: 'auth', enter: () => ({ provide: { scopes } }) })
  const endpoint = allowed(fromPromise(async () => 'written'))
  expect(await call(granting('write')(endpoint), 1)).toEqual(right('written'))
  expect(await call(granting('read')(endpoint), 1)).toMatchObject({ left: { reason: 'NO_SCOPE' } })
})

describe('intercept', () => {
  test('decides whether, when and how often the rest runs', async () => {
    let runs = 0
    const flaky = fromPromise(async () => (++runs < 3 ? failed('unavailable', 'FLAKY', 'again') : runs))
    const threeTimes = intercept({
      name: 'retry',
      async run(next, request, context) {
        let outcome: Outcome = await next(request, context)
        for (let i = 1; i < 3 && isLeft(outcome); i++) outcome = await next(request, context)
        return outcome
      },
    })
    expect(await call(threeTimes(flaky), 1)).toEqual(right(3))
    expect(runs).toBe(3)
  })

  test('that calls next after the end of the call does not start the work', async () => {
    const clock = manualClock()
    let runs = 0
    const late = intercept({
      name: 'late',
      async run(next, request, context) {
        await new Promise<void>(resolve => void clock.setTimer(resolve, 50))
        return next(request, context)
      },
    })
    const answer = call(late(fromPromise(() => runs++)), 1, { context: testContext({ clock }), deadlineMs: 10 })
    await clock.advance(100)
    expect(await answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
    expect(runs).toBe(0)
  })

  test('that gives rubbish fails as a defect', async () => {
    const thrown: unknown[] = []
    const context = testContext({ onDefect: each => void thrown.push(each) })
    const rubbish = [undefined, null, 7, {}, { _tag: 'Left' }, { _tag: 'Middle', middle: 1 }, async () => right(1)]
    for (const each of rubbish) {
      const middleware = intercept({ name: 'odd', run: () => each as never })
      expect(await call(middleware(fromPromise(() => 1)), 1, { context })).toMatchObject({ left: { reason: 'DEFECT' } })
    }
    expect(thrown.map(String)).toEqual(rubbish.map(() => `TypeError: 'odd' gave no Either`))
  })
})

describe('a middleware without a name', () => {
  test.each([
    { what: 'around', make: () => around({ name: '' }) },
    { what: 'around', make: () => around(undefined as never) },
    { what: 'provide', make: () => provide({ enter: () => ({ provide: {} }) } as never) },
    { what: 'guard', make: () => guard({ name: 7 } as never) },
    { what: 'intercept', make: () => intercept({ name: '', run: (next, request, context) => next(request, context) }) },
  ])('is refused at once: $what', ({ make }) => {
    expect(make).toThrow(new TypeError('a layer needs a name'))
  })
})

test('a layer cannot put anything in the place of what every context has', async () => {
  const thrown: unknown[] = []
  const stack = around({ name: 'bad', enter: c => ({ context: extend(c, { signal: 1 } as never) }) })(
    fromPromise(() => 1),
  )
  const context = testContext({ onDefect: each => void thrown.push(each) })
  expect(await call(stack, 1, { context })).toMatchObject({ left: { reason: 'DEFECT' } })
  expect(String(thrown)).toMatch(/signal/)
  expect(context).toBeInstanceOf(Context)
})

describe('a layer that looks at items', () => {
  async function* numbers(most: number): AsyncGenerator<number, void, undefined> {
    for (let i = 1; i <= most; i++) yield i
  }

  function looking(seen: string[], name = 'look') {
    return around({ name, item: of => void seen.push(`${name} ${of}`), exit: () => void seen.push(`${name} exit`) })
  }

  test('sees each that is read of the request and of the response, until the end', async () => {
    const seen: string[] = []
    const doubled = fromPromise(async (request: AsyncIterable<number>) =>
      (async function* () {
        for await (const each of request) yield each * 2
      })(),
    )
    const given: number[] = []
    for await (const each of await callOrThrow(looking(seen)(doubled), numbers(2))) given.push(each)
    expect(given).toEqual([2, 4])
    expect(seen).toEqual(['look request', 'look response', 'look request', 'look response', 'look exit'])
  })

  test('sees nothing of a call without streams, nor after the end', async () => {
    const seen: string[] = []
    await call(looking(seen)(fromPromise(async () => [1])), [1])
    expect(seen).toEqual(['look exit'])
    seen.length = 0
    let rest: AsyncIterator<number> | undefined
    const early = fromPromise(async (request: AsyncIterable<number>) => {
      rest = request[Symbol.asyncIterator]()
    })
    await call(looking(seen)(early), numbers(2))
    await rest?.next()
    expect(seen).toEqual(['look exit'])
  })

  test('closes the request where the work does, and lets what it throws pass', async () => {
    let closed = 0
    const source = {
      async *[Symbol.asyncIterator]() {
        try {
          yield 1
          yield 2
        } finally {
          closed++
        }
      },
    }
    const first = fromPromise(async (request: AsyncIterable<number>) => {
      for await (const each of request) return each
      return 0
    })
    expect(await call(looking([])(first), source)).toEqual(right(1))
    expect(closed).toBe(1)
  })

  test('that throws changes nothing but what onDefect is told', async () => {
    const thrown: unknown[] = []
    const bad = around({
      name: 'bad',
      item() {
        throw new Error('bad item')
      },
    })
    const seen: string[] = []
    const context = testContext({ onDefect: each => void thrown.push(String(each)) })
    const stack = chain(looking(seen), bad)(fromPromise(async () => numbers(1)))
    for await (const _ of await callOrThrow(stack, 1, { context }));
    expect(thrown).toEqual(['Error: bad item'])
    expect(seen).toEqual(['look response', 'look exit'])
  })
})
