/** Rules about stacks, checked against what explain sees. */
import { describe, expect, test } from 'vitest'
import {
  around,
  type Context,
  call,
  chain,
  detached,
  fromPromise,
  intercept,
  type LintRule,
  lint,
  type Middleware,
  manualClock,
  misorder,
  testContext,
} from '../../src/core/index.js'

const roles: Readonly<Record<string, Middleware>> = {
  breaker: around({ name: 'breaker' }),
  limiter: around({ name: 'bucket', role: 'limiter' }),
  other: around({ name: 'other' }),
  retry: intercept({ name: 'retry', run: (next, request, context) => next(request, context) }),
  opaque: next => request => next(request),
}
const stackOf = (...names: string[]) => chain(...names.map(name => roles[name] as Middleware))(fromPromise(() => 1))

describe('misorder', () => {
  const rule = misorder('limiter-inside-breaker', { outer: 'breaker', inner: 'limiter', message: 'swap them' })
  const twice = misorder('retry-above-retry', { outer: 'retry', inner: 'retry', message: 'retry once' })
  const table: readonly { readonly stack: readonly string[]; readonly rule: LintRule; readonly found: number }[] = [
    { stack: ['breaker', 'limiter'], rule, found: 1 },
    { stack: ['breaker', 'other', 'limiter'], rule, found: 1 },
    { stack: ['breaker', 'retry', 'limiter'], rule, found: 1 },
    { stack: ['limiter', 'breaker', 'limiter'], rule, found: 1 },
    { stack: ['breaker', 'limiter', 'limiter'], rule, found: 1 },
    { stack: ['limiter', 'breaker'], rule, found: 0 },
    { stack: ['breaker'], rule, found: 0 },
    { stack: ['limiter'], rule, found: 0 },
    { stack: [], rule, found: 0 },
    { stack: ['breaker', 'opaque', 'limiter'], rule, found: 0 },
    { stack: ['retry', 'other', 'retry'], rule: twice, found: 1 },
    { stack: ['retry', 'other'], rule: twice, found: 0 },
  ]
  test.each(table)('finds $found in $stack ($rule.id)', ({ stack, rule: each, found }) => {
    expect(lint(stackOf(...stack), [each])).toHaveLength(found)
  })
})

test('lint gives what each rule found, under its id, in order', () => {
  const rules: readonly LintRule[] = [
    { id: 'b', check: () => ['b1', 'b2'] },
    { id: 'quiet', check: () => [] },
    { id: 'a', check: ({ steps }) => steps.map(step => step.name) },
  ]
  expect(lint(stackOf('breaker', 'limiter'), rules)).toEqual([
    { rule: 'b', message: 'b1' },
    { rule: 'b', message: 'b2' },
    { rule: 'a', message: 'breaker' },
    { rule: 'a', message: 'bucket' },
    { rule: 'a', message: '' },
  ])
})

describe('the rules that layers bring', () => {
  const found = (id: string, message: string): LintRule => ({ id, check: () => [message] })
  const outer = around({ name: 'outer', lint: [found('a', 'of outer'), found('b', 'of outer')] })
  const inner = intercept({
    name: 'inner',
    run: (next, request, context) => next(request, context),
    lint: [found('b', 'of inner'), found('c', 'of inner')],
  })
  const innermost = around({ name: 'innermost', lint: [found('d', 'of innermost')] })
  const stack = chain(outer, inner, innermost)(fromPromise(() => 1))

  test('are applied without being passed, each id once, beneath interceptors, too', () => {
    expect(lint(stack).map(({ rule }) => rule)).toEqual(['a', 'b', 'c', 'd'])
  })

  test('are turned off by one of the same id', () => {
    expect(lint(stack, [{ id: 'b', check: () => [] }]).map(({ rule }) => rule)).toEqual(['a', 'c', 'd'])
  })
})

describe('call-without-context', () => {
  const callee = fromPromise(async () => 1, { service: 'shop.v1.Stock', name: 'get', idempotency: 'safe' })
  const handlers: readonly (readonly [string, (context: Context) => unknown, number])[] = [
    ['a call without it', () => call(callee, 1), 1],
    ['two of them, which are found once', () => Promise.all([call(callee, 1), call(callee, 2)]), 1],
    ['a call with it', context => call(callee, 1, { context }), 0],
    ['a call that is to outlive it', context => call(callee, 1, { context: detached(context) }), 0],
    [
      'a call whose own handler calls without',
      context =>
        call(
          fromPromise(() => call(callee, 1)),
          1,
          { context },
        ),
      0,
    ],
    ['no call', () => 1, 0],
  ]
  test.each(handlers)('finds in a handler that makes %s as many', async (_, handler, count) => {
    const endpoint = fromPromise(async function place(_: unknown, context: Context) {
      await handler(context)
    })
    expect(lint(endpoint)).toEqual([])
    await call(endpoint, 1)
    await call(callee, 1) // nobody's handler
    const findings = lint(endpoint)
    expect(findings.map(({ rule }) => rule)).toEqual(Array(count).fill('call-without-context'))
    if (count > 0) expect(findings[0]?.message).toContain("'place' has called 'shop.v1.Stock/get' without its context")
  })

  test('such a call goes on when the one around it has ended', async () => {
    const clock = manualClock()
    const ended: string[] = []
    const slow = fromPromise(async (name: string, { clock: own }: Context) => {
      await new Promise<void>(resolve => void own.setTimer(resolve, 5_000))
      ended.push(name)
    })
    const signals: AbortSignal[] = []
    const watched = around({ name: 'watched', enter: ({ signal }) => void signals.push(signal) })(slow)
    const endpoint = fromPromise(async (_: unknown, context: Context) => {
      void call(watched, 'with', { context })
      void call(watched, 'without', { context: testContext({ clock }) })
      await new Promise(() => {})
    })
    void call(endpoint, 1, { context: testContext({ clock }), deadlineMs: 100 })
    await clock.advance(200)
    expect(signals.map(signal => signal.aborted)).toEqual([true, false])
    await clock.advance(10_000)
    expect(ended).toContain('without')
  })

  test('remembers a bounded number of names', async () => {
    let names = 0
    const endpoint = fromPromise((_: unknown, context: Context) => {
      for (let i = 0; i < 10; i++)
        void call(
          fromPromise(() => context, { service: 's', name: `m${names++}`, idempotency: 'safe' }),
          1,
        )
    })
    for (let i = 0; i < 10; i++) await call(endpoint, 1)
    expect(lint(endpoint)).toHaveLength(20)
  })
})
