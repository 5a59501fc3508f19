/** Rules about stacks, checked against what explain sees. */
import { describe, expect, test } from 'vitest'
import {
  around,
  chain,
  fromPromise,
  intercept,
  type LintRule,
  lint,
  type Middleware,
  misorder,
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
