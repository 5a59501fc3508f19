/**
 * Rules that the real casbin decides. Its policies change under calls: each sees the old or the new ones, and none is let in by a policy
 * that is broken.
 */
import { type Enforcer, newEnforcer, newModelFromString, StringAdapter } from 'casbin'
import { describe, expect, test } from 'vitest'
import { type CasbinEvent, type CasbinOptions, type CasbinRequest, casbin } from '../../../src/auth/casbin/index.js'
import { anyOf, authorize, type Rule, rule } from '../../../src/auth/index.js'
import { call, explain, fromPromise, manualClock, right, testContext } from '../../../src/core/index.js'
import { deep } from '../../deep.js'

interface User {
  readonly id: string
}

const model = (matcher: string, { p = 'sub, obj, act', effect = 'some(where (p.eft == allow))' } = {}) =>
  newModelFromString(`
[request_definition]
r = sub, obj, act
[policy_definition]
p = ${p}
[role_definition]
g = _, _
[policy_effect]
e = ${effect}
[matchers]
m = ${matcher}`)

const acl = 'r.sub == p.sub && r.obj == p.obj && r.act == p.act'
const rbac = 'g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act'
const enforcer = (matcher: string, policies: string, more = {}): Promise<Enforcer> =>
  newEnforcer(model(matcher, more), ...(policies === '' ? [] : [new StringAdapter(policies)]))

const done = fromPromise(async (_: object) => 'done')
const refused = { left: { code: 'permission_denied', reason: 'PERMISSION_DENIED', ran: 'no' } }
const broken = { left: { code: 'internal', reason: 'POLICY_BROKEN', ran: 'no' } }

function ask(each: Rule<User>, id = 'ada', context = testContext()) {
  const endpoint = authorize(each)(done)
  return call(endpoint, {}, { context, provide: { principal: { id } } })
}

/** A rule that asks for this, whoever calls. */
async function asking(request: CasbinRequest, load: CasbinOptions['load']): Promise<Rule<User>> {
  return (await casbin({ load })).rule('test', () => request)
}

describe('decides as Go kit’s adapter does in its tests', () => {
  const keyMatch = 'r.sub == p.sub && keyMatch(r.obj, p.obj) && regexMatch(r.act, p.act)'
  const policies = ['alice, /alice_data/*, GET', 'alice, /alice_data/resource1, POST']
    .map(line => `p, ${line}`)
    .join('\n')

  test.each<[request: CasbinRequest, allowed: boolean]>([
    [['alice', '/alice_data/resource1', 'GET'], true],
    [['alice', '/alice_data/resource1', 'POST'], true],
    [['alice', '/alice_data/resource2', 'POST'], false],
    [['bob', '/alice_data/resource1', 'GET'], false],
  ])('%j', async (request, allowed) => {
    const outcome = await ask(await asking(request, () => enforcer(keyMatch, policies)))
    if (allowed) expect(outcome).toEqual(right('done'))
    else expect(outcome).toMatchObject(refused)
  })
})

describe('models', () => {
  test('roles, and roles of roles', async () => {
    const policies = await casbin({
      load: () => enforcer(rbac, 'p, staff, orders, cancel\ng, boss, staff\ng, ada, boss\ng, bob, customer'),
    })
    const cancel = policies.rule('cancel', ({ principal }: { principal: User }) => [principal.id, 'orders', 'cancel'])
    expect(await ask(cancel, 'ada')).toEqual(right('done'))
    expect(await ask(cancel, 'bob')).toMatchObject(refused)
    expect(await ask(cancel, 'eve')).toMatchObject(refused)
  })

  test('attributes of principal, request and context', async () => {
    const policies = await casbin({ load: () => enforcer('r.sub.id == r.obj.owner && r.act == "acme"', '') })
    const own = policies.rule<User, { owner: string }>('own', ({ principal, request, context }) => [
      principal,
      request,
      context.metadata.get('tenant') ?? 'none',
    ])
    const read = authorize(own)(fromPromise(async (_: { owner: string }) => 'done'))
    const asked = (owner: string, tenant: string) =>
      call(read, { owner }, { context: testContext({ metadata: { tenant } }), provide: { principal: { id: 'ada' } } })
    expect(await asked('ada', 'acme')).toEqual(right('done'))
    expect(await asked('eve', 'acme')).toMatchObject(refused)
    expect(await asked('ada', 'other')).toMatchObject(refused)
  })

  test('denials that come before what is allowed', async () => {
    const more = { p: 'sub, obj, act, eft', effect: 'some(where (p.eft == allow)) && !some(where (p.eft == deny))' }
    const load = () => enforcer(acl, 'p, ada, orders, read, allow\np, ada, orders, read, deny', more)
    expect(await ask(await asking(['ada', 'orders', 'read'], load))).toMatchObject(refused)
  })

  test('with other rules, and by name in explain', async () => {
    const never = await asking(['ada', 'orders', 'read'], () => enforcer(acl, 'p, bob, orders, read'))
    const ada = rule<User>('ada', ({ principal }) => principal.id === 'ada')
    expect(await ask(anyOf(never, ada))).toEqual(right('done'))
    expect(explain(authorize(anyOf(never, ada))(done))).toMatchObject({
      steps: [{ options: { rule: 'anyOf(casbin(test), ada)' } }, {}],
    })
  })
})

describe('fails closed', () => {
  test('where there are no policies at all', async () => {
    expect(await ask(await asking(['ada', 'orders', 'read'], () => enforcer(acl, '')))).toMatchObject(refused)
  })

  test.each<[what: string, request: CasbinRequest]>([
    ['an empty name, which is every policy’s where there is none', ['', '', ''] as unknown as CasbinRequest],
    ['a value that is missing', ['ada', 'orders', undefined] as unknown as CasbinRequest],
    ['too few values', ['ada', 'orders'] as unknown as CasbinRequest],
    ['too many values', ['ada', 'orders', 'read', 'twice']],
    ['no list', 'ada, orders, read' as unknown as CasbinRequest],
  ])('%s', async (_, request) => {
    expect(await ask(await asking(request, () => enforcer(acl, '')))).toMatchObject(broken)
    expect(await ask(await asking(request, () => enforcer(acl, 'p, ada, orders, read')))).toMatchObject(broken)
  })

  test('where a matcher throws: the failure has a type, and its cause stays here', async () => {
    const load = () => enforcer('r.sub.address.city == p.sub', 'p, rome, orders, read')
    const outcome = await ask(await asking([{ id: 'ada' }, 'orders', 'read'], load))
    expect(outcome).toMatchObject(broken)
    expect(outcome).toMatchObject({ left: { message: 'the policies cannot be applied', cause: expect.any(TypeError) } })
  })

  test('where casbin says something else than true', async () => {
    const load = async () => Object.assign(await enforcer(acl, ''), { enforce: async () => 'yes' })
    expect(await ask(await asking(['ada', 'orders', 'read'], load as unknown as CasbinOptions['load']))).toMatchObject(
      refused,
    )
  })

  test('where a decision hangs, and leaves no timer behind', async () => {
    const clock = manualClock()
    const started: (() => void)[] = []
    const load = async () => {
      const made = await enforcer('wait(r.sub)', 'p, ada, orders, read')
      await made.addFunction('wait', (): Promise<string> => new Promise(() => started.shift()?.()))
      return made
    }
    const policies = await casbin({ load, timeoutMs: 50, clock })
    const hanging = policies.rule<User>('hanging', () => ['ada', 'orders', 'read'])
    const asked = new Promise<void>(resolve => started.push(resolve))
    const outcome = ask(hanging, 'ada', testContext({ clock }))
    await asked
    await clock.advance(50)
    expect(await outcome).toMatchObject({ left: { code: 'unavailable', reason: 'POLICY_UNAVAILABLE', ran: 'no' } })
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a reload', () => {
  /** Policies that tests change. */
  async function shop(first: string, more: Partial<CasbinOptions> = {}) {
    const events: CasbinEvent[] = []
    const made = { text: first, loads: 0, load: (): Promise<Enforcer> => enforcer(rbac, made.text) }
    const load = () => {
      made.loads++
      return made.load()
    }
    const policies = await casbin({ load, onEvent: event => events.push(event), ...more })
    const may = policies.rule<User>('read', ({ principal }) => [principal.id, 'orders', 'read'])
    return Object.assign(made, { events, policies, may })
  }

  test('brings new policies into force, by an enforcer that is made once', async () => {
    const { may, policies, events, ...made } = await shop('p, ada, orders, read')
    for (let i = 0; i < 10; i++) await ask(may)
    expect(made.loads).toBe(1)
    expect(events).toEqual([])
  })

  test('lets in and shuts out', async () => {
    const made = await shop('p, ada, orders, read')
    expect([await ask(made.may, 'ada'), await ask(made.may, 'eve')]).toMatchObject([right('done'), refused])
    made.text = 'p, eve, orders, read\np, staff, orders, read'
    expect(await made.policies.reload()).toBe(true)
    expect([await ask(made.may, 'ada'), await ask(made.may, 'eve')]).toMatchObject([refused, right('done')])
    expect(made.events).toEqual([{ type: 'reloaded', version: 2, policies: 2 }])
    expect(made.policies.version).toBe(2)
  })

  // Ada may always read: by a rule of her own, or by her role, which takes many rules to reach. Eve never may: in one set she has the role,
  // in the other the role may read. A mixture would shut out the one or let in the other.
  test('is seen whole: a call has the old policies or the new ones', async () => {
    const filler = Array.from({ length: 40 }, (_, i) => `p, nobody${i}, orders, read`).join('\n')
    const sets = [`p, ada, orders, read\n${filler}\ng, eve, staff`, `${filler}\np, staff, orders, read\ng, ada, staff`]
    const made = await shop(sets[0] as string)
    for (let round = 1; round <= deep(20, 500); round++) {
      made.text = sets[round % 2] as string
      let isLoaded = false
      const reloaded = made.policies.reload().finally(() => {
        isLoaded = true
      })
      while (!isLoaded) {
        const outcomes = await Promise.all([...'1234'].flatMap(() => [ask(made.may, 'ada'), ask(made.may, 'eve')]))
        const expected = outcomes.map((_, i) => (i % 2 === 0 ? right('done') : refused))
        expect(outcomes).toMatchObject(expected)
      }
      expect(await reloaded).toBe(true)
    }
    expect(made.policies.version).toBe(1 + deep(20, 500))
  })

  test.each<[what: string, break_: (made: { text: string; load: () => Promise<Enforcer> }) => void, cause: RegExp]>([
    [
      'cannot be loaded',
      made => Object.assign(made, { load: () => Promise.reject(new Error('no database')) }),
      /no database/,
    ],
    [
      'has a rule without its last field, which casbin lets through',
      made => Object.assign(made, { text: 'p, eve, orders' }),
      /2 fields, the model 3/,
    ],
    ['has a rule with a field too many', made => Object.assign(made, { text: 'p, eve, orders, read, x' }), /4 fields/],
    ['has a link without its role', made => Object.assign(made, { text: 'p, ada, orders, read\ng, eve' }), /./],
    [
      'is empty, as a file is while it is written',
      made => Object.assign(made, { load: () => enforcer(rbac, '') }),
      /no policies any more/,
    ],
    ['is no enforcer', made => Object.assign(made, { load: async () => ({}) }), /gave no enforcer/],
    [
      'has an effect that is none',
      made =>
        Object.assign(made, { load: () => enforcer(rbac, 'p, eve, orders, read, denny', { p: 'sub, obj, act, eft' }) }),
      /the effect 'denny'/,
    ],
  ])('that %s is refused, told, and the old policies stay', async (_, breakIt, cause) => {
    const made = await shop('p, ada, orders, read')
    breakIt(made)
    expect(await made.policies.reload()).toBe(false)
    expect([await ask(made.may, 'ada'), await ask(made.may, 'eve')]).toMatchObject([right('done'), refused])
    expect(made.events).toMatchObject([
      { type: 'refused', version: 1, cause: { message: expect.stringMatching(cause) } },
    ])
  })

  test('that fails the check is refused', async () => {
    const check = async (candidate: Enforcer) => {
      if (!(await candidate.enforce('ada', 'orders', 'read'))) throw new Error('ada is shut out')
    }
    const made = await shop('p, ada, orders, read', { check })
    made.text = 'p, eve, orders, read'
    expect(await made.policies.reload()).toBe(false)
    expect(await ask(made.may, 'ada')).toEqual(right('done'))
    await expect(casbin({ load: () => enforcer(rbac, 'p, eve, orders, read'), check })).rejects.toThrow('shut out')
  })

  test('that hangs is given up in time, and the next one works', async () => {
    const clock = manualClock()
    const made = await shop('p, ada, orders, read', { clock, loadTimeoutMs: 1_000 })
    const { load } = made
    made.load = () => new Promise(() => {})
    const hanging = made.policies.reload()
    const behind = made.policies.reload()
    await clock.advance(999)
    expect(made.events).toEqual([])
    made.load = load
    await clock.advance(1)
    expect([await hanging, await behind]).toEqual([false, true])
    expect(clock.pendingTimers).toBe(0)
  })

  test('asked for again while it loads, loads once more for all', async () => {
    const made = await shop('p, ada, orders, read')
    const first = made.policies.reload()
    made.text = 'p, eve, orders, read'
    const more = Array.from({ length: 100 }, () => made.policies.reload())
    expect(await Promise.all([first, ...more])).not.toContain(false)
    expect(made.loads).toBe(3)
    expect(await ask(made.may, 'eve')).toEqual(right('done'))
  })

  test('of the enforcer in force is refused: it may have been changed under a call', async () => {
    const only = await enforcer(acl, 'p, ada, orders, read')
    const events: CasbinEvent[] = []
    const policies = await casbin({ load: async () => only, onEvent: event => events.push(event) })
    expect(await policies.reload()).toBe(false)
    expect(events).toMatchObject([{ cause: { message: expect.stringContaining('in force') } }])
  })
})

test('a start without policies that can be loaded rejects', async () => {
  await expect(casbin({ load: () => Promise.reject(new Error('no file')) })).rejects.toThrow('no file')
  await expect(casbin({ load: () => enforcer(acl, 'p, ada') })).rejects.toThrow(/1 fields, the model 3/)
})

test('mistakes are told at construction', async () => {
  const load = () => enforcer(acl, '')
  await expect(casbin({} as CasbinOptions)).rejects.toThrow(/load is required/)
  await expect(casbin({ load, timeoutMs: 0 })).rejects.toThrow(RangeError)
  await expect(casbin({ load, loadTimeoutMs: Number.NaN })).rejects.toThrow(RangeError)
  await expect(casbin({ load, polices: 1 } as CasbinOptions)).rejects.toThrow(/no option 'polices'/)
  const policies = await casbin({ load })
  expect(() => policies.rule('', () => ['a', 'b', 'c'])).toThrow(TypeError)
})
