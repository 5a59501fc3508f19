/** What `diff` says of each kind of change: whom it breaks, where, and why. */
import {
  contract,
  diff,
  failure,
  type HttpBinding,
  method,
  openapi,
  type Schema,
  type Slot,
  stream,
} from 'tenon/contract'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'

interface Version {
  readonly request?: Slot
  readonly response?: Slot
  readonly failures?: Readonly<Record<string, ReturnType<typeof failure<Schema>>>>
  readonly idempotency?: 'safe' | 'idempotent' | 'unsafe'
  readonly http?: HttpBinding
  readonly security?: readonly string[]
  readonly deprecated?: boolean
}

interface Row {
  readonly change: string
  readonly old: Version
  readonly next: Version
  /** `breaking|not direction where: reason`, of each change. */
  readonly found: readonly string[]
}

const empty = z.object({})

function documentOf({ request = empty, response = empty, idempotency = 'unsafe', ...rest }: Version) {
  return openapi(contract('t.T', { call: method({ request, response, idempotency, ...rest }) }))
}

function found(old: Version, next: Version): readonly string[] {
  return diff(documentOf(old), documentOf(next)).map(
    ({ breaking, direction, where, reason }) => `${breaking ? 'breaking' : 'not'} ${direction} ${where}: ${reason}`,
  )
}

const get = { get: '/t' }

const requests: readonly Row[] = [
  {
    change: 'a new optional field',
    old: { request: z.object({ a: z.string() }) },
    next: { request: z.object({ a: z.string(), b: z.string().optional() }) },
    found: [],
  },
  {
    change: 'a new required field',
    old: { request: z.object({ a: z.string() }) },
    next: { request: z.object({ a: z.string(), b: z.string() }) },
    found: ['breaking request body.b: is new and required'],
  },
  {
    change: 'an optional field that becomes required, inside a list',
    old: { request: z.object({ lines: z.array(z.object({ sku: z.string().optional() })) }) },
    next: { request: z.object({ lines: z.array(z.object({ sku: z.string() })) }) },
    found: ['breaking request body.lines[].sku: was optional and is required'],
  },
  {
    change: 'a required field that becomes optional',
    old: { request: z.object({ a: z.string() }) },
    next: { request: z.object({ a: z.string().default('x') }) },
    found: [],
  },
  {
    change: 'another type',
    old: { request: z.object({ a: z.string() }) },
    next: { request: z.object({ a: z.number() }) },
    found: ['breaking request body.a: must now be number, and was string'],
  },
  {
    change: 'a wider type',
    old: { request: z.object({ a: z.string() }) },
    next: { request: z.object({ a: z.union([z.string(), z.number()]).nullable() }) },
    found: [],
  },
  {
    change: 'a value fewer',
    old: { request: z.object({ a: z.enum(['x', 'y']) }) },
    next: { request: z.object({ a: z.enum(['x']) }) },
    found: ['breaking request body.a: "y" is no longer accepted'],
  },
  {
    change: 'a value more',
    old: { request: z.object({ a: z.enum(['x']) }) },
    next: { request: z.object({ a: z.enum(['x', 'y']) }) },
    found: [],
  },
  {
    change: 'a tighter bound',
    old: { request: z.object({ a: z.number().min(1), b: z.string() }) },
    next: { request: z.object({ a: z.number().min(2), b: z.string().max(3) }) },
    found: ['breaking request body.a: minimum was 1 and is 2', 'breaking request body.b: maxLength is now 3'],
  },
  {
    change: 'a wider bound',
    old: { request: z.object({ a: z.number().positive() }) },
    next: { request: z.object({ a: z.number().nonnegative() }) },
    found: [],
  },
  {
    change: 'another pattern, which it cannot compare',
    old: { request: z.object({ a: z.string().regex(/^a+$/) }) },
    next: { request: z.object({ a: z.string().regex(/^a*$/) }) },
    found: ['breaking request body.a: pattern was ^a+$ and is ^a*$'],
  },
  {
    change: 'unknown fields refused',
    old: { request: z.object({ a: z.string() }) },
    next: { request: z.strictObject({ a: z.string() }) },
    found: ['breaking request body: unknown fields were accepted and are refused'],
  },
  {
    change: 'a field fewer where unknown fields are refused',
    old: { request: z.strictObject({ a: z.string(), b: z.string() }) },
    next: { request: z.strictObject({ a: z.string() }) },
    found: ['breaking request body.b: is no longer accepted'],
  },
  {
    change: 'a new required parameter',
    old: { request: z.object({}), http: get },
    next: { request: z.object({ q: z.string() }), http: get },
    found: ['breaking request query q: is new and required'],
  },
  {
    change: 'a new optional parameter',
    old: { request: z.object({}), http: get },
    next: { request: z.object({ q: z.string().optional(), list: z.array(z.string()) }), http: get },
    found: ['not request query q: is new and optional', 'not request query list: is new and optional'],
  },
  {
    change: 'a parameter of another type, and one that is gone',
    old: { request: z.object({ n: z.string(), gone: z.string() }), http: get },
    next: { request: z.object({ n: z.int().min(0).max(9) }), http: get },
    found: [
      'breaking request query n: must now be integer, and was string',
      'not request query gone: is no longer read',
    ],
  },
  {
    change: 'a stream instead of a message',
    old: { request: z.object({ a: z.string() }) },
    next: { request: stream(z.object({ a: z.string() })) },
    found: ['breaking request body: was application/json and is application/x-ndjson'],
  },
  {
    change: 'a tighter item of a stream',
    old: { request: stream(z.object({ a: z.string() })) },
    next: { request: stream(z.object({ a: z.string(), b: z.string() })) },
    found: ['breaking request body.value.b: is new and required'],
  },
  {
    change: 'a weaker idempotency',
    old: { idempotency: 'safe' },
    next: { idempotency: 'unsafe' },
    found: ['breaking request : was safe and is unsafe: old clients retry it as before'],
  },
  { change: 'a stronger idempotency', old: { idempotency: 'unsafe' }, next: { idempotency: 'safe' }, found: [] },
  {
    change: 'a credential that was not needed',
    old: {},
    next: { security: ['bearer'] },
    found: ['breaking request : needs bearer, and nothing was enough'],
  },
  { change: 'another way in', old: { security: ['bearer'] }, next: { security: ['bearer', 'cookie'] }, found: [] },
  { change: 'a deprecation', old: {}, next: { deprecated: true }, found: ['not both : is deprecated'] },
]

const responses: readonly Row[] = [
  {
    change: 'a new field',
    old: { response: z.object({ a: z.string() }) },
    next: { response: z.object({ a: z.string(), b: z.string() }) },
    found: [],
  },
  {
    change: 'a new field for clients that refuse unknown ones',
    old: { response: z.strictObject({ a: z.string() }) },
    next: { response: z.strictObject({ a: z.string(), b: z.string() }) },
    found: ['breaking response 200.b: is new, and old clients refuse fields that they do not know'],
  },
  {
    change: 'a field that is gone, and one that becomes optional',
    old: { response: z.object({ a: z.string(), b: z.string() }) },
    next: { response: z.object({ b: z.string().optional() }) },
    found: [
      'breaking response 200.a: was always there and is gone',
      'breaking response 200.b: was always there and is now optional',
    ],
  },
  {
    change: 'a wider type',
    old: { response: z.object({ a: z.string() }) },
    next: { response: z.object({ a: z.string().nullable() }) },
    found: ['breaking response 200.a: may now be null, and was string'],
  },
  {
    change: 'a value more',
    old: { response: z.object({ a: z.enum(['x']) }) },
    next: { response: z.object({ a: z.enum(['x', 'y']) }) },
    found: ['breaking response 200.a: may now be "y", which old clients do not know'],
  },
  {
    change: 'a value fewer',
    old: { response: z.object({ a: z.enum(['x', 'y']) }) },
    next: { response: z.object({ a: z.enum(['x']) }) },
    found: [],
  },
  {
    change: 'a bound that is gone',
    old: { response: z.object({ a: z.number().max(3) }) },
    next: { response: z.object({ a: z.number() }) },
    found: ['breaking response 200.a: maximum was 3 and is gone'],
  },
  {
    change: 'another status',
    old: { http: { post: '/t' } },
    next: { http: { post: '/t', status: 201 } },
    found: ['breaking response : success was 200 and is 201'],
  },
  {
    change: 'a stream instead of a message',
    old: { response: empty },
    next: { response: stream(empty) },
    found: ['breaking response 200: was application/json and is application/x-ndjson or text/event-stream'],
  },
  {
    change: 'a new alternative of a union',
    old: { response: z.object({ e: z.discriminatedUnion('k', [z.object({ k: z.literal('a') })]) }) },
    next: {
      response: z.object({
        e: z.discriminatedUnion('k', [z.object({ k: z.literal('a') }), z.object({ k: z.literal('b') })]),
      }),
    },
    found: ['breaking response 200.e.k: may now be "b", which old clients do not know'],
  },
]

const Gone = failure('not_found', z.object({ id: z.string() }))
const failures: readonly Row[] = [
  {
    change: 'a new failure',
    old: {},
    next: { failures: { Gone } },
    found: ['not response Gone: is a new failure (404), which old clients see as UNKNOWN_DOMAIN_FAILURE'],
  },
  {
    change: 'a failure that is gone',
    old: { failures: { Gone } },
    next: {},
    found: ['not response Gone: no longer happens'],
  },
  {
    change: 'details that lose a field',
    old: { failures: { Gone } },
    next: { failures: { Gone: failure('not_found', z.object({})) } },
    found: ['breaking response Gone.id: was always there and is gone'],
  },
  {
    change: 'another code',
    old: { failures: { Gone } },
    next: { failures: { Gone: failure('already_exists', z.object({ id: z.string() })) } },
    found: ['breaking response Gone: was answered with 404 and is with 409'],
  },
]

describe('of a request, diff reports', () => {
  test.each(requests)('$change', row => expect(found(row.old, row.next)).toEqual(row.found))
})
describe('of a response, diff reports', () => {
  test.each(responses)('$change', row => expect(found(row.old, row.next)).toEqual(row.found))
})
describe('of failures, diff reports', () => {
  test.each(failures)('$change', row => expect(found(row.old, row.next)).toEqual(row.found))
})

describe('diff', () => {
  const one = (name: string, path: string) =>
    openapi(
      contract('t.T', {
        [name]: method({ request: empty, response: empty, idempotency: 'safe', http: { post: path } }),
      }),
    )

  test('reports what is gone, what is new and what has moved, breaking changes first', () => {
    const told = (old: object, next: object) =>
      diff({ ...old }, { ...next }).map(({ breaking, operation, reason }) => `${breaking} ${operation} ${reason}`)
    expect(told(one('a', '/a'), one('b', '/b'))).toEqual(['true POST /a is gone', 'false POST /b is new'])
    expect(told(one('a', '/a'), one('a', '/b'))).toEqual(['true POST /a is now POST /b', 'false POST /b is new'])
    expect(told(one('a', '/a'), one('b', '/a'))).toEqual(['true POST /a was the method t.T.a and is t.T.b'])
  })

  test('follows recursive schemas, and ends', () => {
    const tree = (leaf: z.ZodType) => {
      const Tree = z.object({
        leaf,
        get children() {
          return z.array(Tree)
        },
      })
      return Tree
    }
    const versions = [tree(z.string()), tree(z.string().min(1))] as const
    expect(found({ request: versions[0] }, { request: versions[0] })).toEqual([])
    expect(found({ request: versions[1] }, { request: versions[0] })).toEqual([])
    expect(found({ request: versions[0] }, { request: versions[1] })).toEqual([
      'breaking request body.leaf: minLength is now 1',
    ])
  })

  test('looks once at what many fields share', () => {
    const layers = (leaf: z.ZodType) => {
      let layer: z.ZodType = z.object({ leaf }).meta({ id: 'Layer0' })
      for (let n = 1; n <= 25; n++) layer = z.object({ left: layer, right: layer }).meta({ id: `Layer${n}` })
      return z.object({ layer })
    }
    const all = found({ request: layers(z.string()) }, { request: layers(z.number()) })
    expect(all.length).toBeGreaterThan(0)
    expect(all.length).toBeLessThan(100)
  })
})
