/** `authorize` asks a rule, and tells a caller no more than that it may not. */
import { describe, expect, test } from 'vitest'
import { allOf, anyOf, authorize, type Rule, roles, rule, scopes } from '../../src/auth/index.js'
import { call, explain, type Failure, fromPromise, right, testContext } from '../../src/core/index.js'

interface User {
  readonly id: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
}
interface Order {
  readonly customer: string
}

const done = fromPromise(async (_: Order) => 'done')
const ada: User = { id: 'ada', roles: ['customer'], scopes: ['orders:read', 'orders:write'] }
const owner = rule<User, Order>('owner', ({ principal, request }) => principal.id === request.customer)
const slowOwner = rule<User, Order>('slow owner', async asked => owner.allows(asked))
const never = rule<User>('never', () => false)

function ask(each: Rule<User, Order>, customer = 'ada') {
  const endpoint = authorize(each)(done)
  return call(endpoint, { customer }, { provide: { principal: ada } })
}

describe.each<[rule: Rule<User, Order>, allowed: boolean]>([
  [scopes('orders:read'), true],
  [scopes('orders:read', 'orders:write'), true],
  [scopes('orders:read', 'orders:cancel'), false],
  [scopes('orders'), false],
  [roles('staff', 'customer'), true],
  [roles('staff'), false],
  [owner, true],
  [slowOwner, true],
  [allOf(owner, roles('customer')), true],
  [allOf(slowOwner, never), false],
  [allOf(never, slowOwner), false],
  [anyOf(never, slowOwner), true],
  [anyOf(owner, never), true],
  [anyOf(never, roles('staff')), false],
])('$name', (each, allowed) => {
  test(`allows: ${allowed}`, async () => {
    const outcome = await ask(each)
    if (allowed) expect(outcome).toEqual(right('done'))
    else expect(outcome).toMatchObject({ left: { code: 'permission_denied', reason: 'PERMISSION_DENIED', ran: 'no' } })
  })
})

test('a rule on the request refuses that of somebody else', async () => {
  expect(await ask(owner, 'eve')).toMatchObject({ left: { reason: 'PERMISSION_DENIED' } })
  expect(await ask(slowOwner, 'eve')).toMatchObject({ left: { reason: 'PERMISSION_DENIED' } })
})

test('rules are asked until one decides', async () => {
  let asked = 0
  const counting = rule<User>('counting', () => ++asked > 0)
  await ask(anyOf(owner, counting))
  await ask(allOf(never, counting))
  expect(asked).toBe(0)
})

test('what may not be known to exist is not found, with the words for what is not there', async () => {
  const hidden = authorize(owner, { refuseWith: 'not_found' })(done)
  const outcome = await call(hidden, { customer: 'eve' }, { provide: { principal: ada } })
  const { cause, ...told } = (outcome as { readonly left: Failure }).left
  expect(cause).toBe('owner') // for this side's log alone
  expect(told).toEqual({
    _tag: 'Failure',
    code: 'not_found',
    reason: 'NOT_FOUND',
    message: 'there is no such thing',
    ran: 'no',
  })
})

test('a missing scope is told as RFC 6750 has it where it would do, and no other rule is', async () => {
  const told: (string | undefined)[] = []
  const rules: readonly Rule<User>[] = [
    scopes('orders:cancel', 'orders:read'),
    roles('staff'),
    allOf(scopes('a'), scopes('b', 'c')),
    allOf(scopes('a'), roles('staff')),
    anyOf(roles('staff'), scopes('b'), scopes('c')),
    anyOf(roles('staff'), allOf(scopes('a'), scopes('b'))),
  ]
  for (const each of rules) {
    const endpoint = authorize(each)(done)
    await call(
      endpoint,
      { customer: 'ada' },
      {
        context: testContext({ metadata: { authorization: 'Bearer abc' } }),
        provide: { principal: ada },
        onReply: ({ headers }) => void told.push(headers.get('www-authenticate')),
      },
    )
  }
  const insufficient = (scope: string) => `Bearer error="insufficient_scope", scope="${scope}"`
  expect(told).toEqual([
    insufficient('orders:cancel orders:read'),
    undefined,
    insufficient('a b c'),
    undefined,
    insufficient('b'),
    insufficient('a b'),
  ])
})

test('a missing scope is told to nobody who has shown no bearer token: none would be taken', async () => {
  for (const metadata of [{}, { 'x-api-key': 'k' }, { authorization: 'Basic YTpi' }, { cookie: 'session=a' }]) {
    const told: unknown[] = []
    const refused = await call(
      authorize(scopes('a'))(done),
      { customer: 'ada' },
      {
        context: testContext({ metadata }),
        provide: { principal: ada },
        onReply: ({ headers }) => void told.push(headers.get('www-authenticate')),
      },
    )
    expect(refused).toMatchObject({ left: { code: 'permission_denied' } })
    expect(told).toEqual([undefined])
  }
})

test.each<[how: string, allows: Rule<User>['allows']]>([
  [
    'throws',
    () => {
      throw new Error('x')
    },
  ],
  ['rejects', () => Promise.reject(new Error('x'))],
])('a rule that %s refuses', async (_, allows) => {
  const context = testContext({ onDefect: () => {} })
  const endpoint = authorize(rule('broken', allows))(done)
  expect(await call(endpoint, { customer: 'ada' }, { context, provide: { principal: ada } })).toMatchObject({
    left: { reason: 'DEFECT' },
  })
})

test('only true allows', async () => {
  const loose = rule<User>('loose', () => 'yes' as unknown as boolean)
  expect(await ask(loose)).toMatchObject({ left: { reason: 'PERMISSION_DENIED' } })
  expect(await ask(anyOf(loose, never))).toMatchObject({ left: { reason: 'PERMISSION_DENIED' } })
  expect(await ask(allOf(loose))).toMatchObject({ left: { reason: 'PERMISSION_DENIED' } })
})

test('explain names the rule', () => {
  expect(explain(authorize(anyOf(owner, roles('staff')))(done))).toMatchObject({
    steps: [{ name: 'authorize', options: { rule: 'anyOf(owner, roles(staff))' } }, {}],
  })
})

test('mistakes are told at construction', () => {
  expect(() => scopes('a b')).toThrow(/is no scope/)
  expect(() => scopes('a"')).toThrow(/is no scope/)
  expect(() => (scopes as unknown as () => void)()).toThrow(TypeError)
  expect(() => roles('')).toThrow(TypeError)
  expect(() => anyOf()).toThrow(/needs a rule/)
  expect(() => rule('', () => true)).toThrow(/needs a name/)
  expect(() => authorize({} as Rule<User>)).toThrow(/needs a rule/)
  expect(() => authorize(owner, { refuseWith: 'x' as 'not_found' })).toThrow(RangeError)
})
