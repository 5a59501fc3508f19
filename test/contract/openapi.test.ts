/** The OpenAPI document: valid for a validator that others wrote, and true to what contracts say. */
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import * as formats from 'ajv-formats'
import { contract, failure, type JsonSchema, method, openapi, stream } from 'tenon/contract'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Orders, Stock } from '../../examples/shop/contracts.js'
import { libraries } from './libraries.js'

const Tree = z.object({
  name: z.string(),
  get children() {
    return z.array(Tree)
  },
})
const Forest = contract('t.Forest', {
  plant: method({
    request: Tree.extend({ place: z.string() }),
    response: z.object({ tree: Tree.meta({ id: 'A tree, really' }) }),
    failures: { Burnt: failure('failed_precondition', Tree), Cut: failure('out_of_range', z.object({})) },
    idempotency: 'unsafe',
    http: { put: '/forest/{place}' },
    description: 'Plants *trees*.',
    deprecated: true,
    tags: ['trees'],
    security: ['bearer'],
  }),
  grow: method({ request: stream(Tree), response: stream(Tree), idempotency: 'idempotent' }),
  find: method({
    request: z.object({
      tags: z.array(z.string()),
      limit: z.int().describe('The most of them'),
      after: z.string().optional(),
    }),
    response: z.object({}),
    idempotency: 'safe',
    http: { get: '/forest' },
  }),
  cut: method({
    request: z.discriminatedUnion('by', [
      z.object({ by: z.literal('age'), age: z.int() }),
      z.object({ by: z.literal('name'), name: z.string() }),
    ]),
    response: z.object({}),
    idempotency: 'unsafe',
    http: { delete: '/forest' },
  }),
})

const documents: readonly (readonly [string, JsonSchema])[] = [
  ['the shop', openapi([Orders, Stock], { title: 'Shop', servers: ['http://localhost'] })],
  ['recursive schemas', openapi(Forest, { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } })],
  ...libraries.map(({ name, Orders }) => [name, openapi(Orders)] as const),
]

/** All `$ref`s of a document, and what each leads to. */
function references(document: JsonSchema): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>()
  JSON.stringify(document, (key, value: unknown) => {
    if (key === '$ref' && typeof value === 'string') {
      const steps = value.slice(2).split('/')
      found.set(
        value,
        steps.reduce<unknown>((node, step) => (node as JsonSchema | undefined)?.[step], document),
      )
    }
    return value
  })
  return found
}

function operation(document: JsonSchema, path: string, verb: string): Readonly<Record<string, unknown>> {
  const paths = document['paths'] as Record<string, Record<string, Readonly<Record<string, unknown>>>>
  const found = paths[path]?.[verb]
  if (found === undefined) throw new Error(`there is no ${verb} ${path}`)
  return found
}

describe.each(documents)('the document of %s', { timeout: 60_000 }, (_, document) => {
  test('is valid OpenAPI 3.1', async () => {
    const validator = new Validator()
    const { valid, errors } = await validator.validate(structuredClone(document))
    expect(errors).toBeUndefined()
    expect({ valid, version: validator.version }).toEqual({ valid: true, version: '3.1' })
  })

  test('refers only to what is there', () => {
    const all = references(document)
    expect(all.size).toBeGreaterThan(0)
    for (const [ref, target] of all) expect(target, ref).toBeTypeOf('object')
  })

  test('has schemas that compile', () => {
    const ajv = new Ajv2020({ strict: false })
    formats.default.default(ajv)
    for (const format of ['int64', 'base64']) ajv.addFormat(format, true)
    ajv.addSchema(document, 'document')
    const { schemas } = document['components'] as { readonly schemas: object }
    for (const name of Object.keys(schemas)) {
      expect(ajv.getSchema(`document#/components/schemas/${encodeURIComponent(name)}`), name).toBeTypeOf('function')
    }
  })
})

describe('openapi', () => {
  const forest = openapi(Forest)

  test('writes what is said about a method', () => {
    expect(operation(forest, '/forest/{place}', 'put')).toMatchObject({
      operationId: 't.Forest.plant',
      description: 'Plants *trees*.',
      deprecated: true,
      tags: ['trees'],
      security: [{ bearer: [] }],
      'x-idempotency': 'unsafe',
    })
  })

  test('takes the fields of the path out of the body', () => {
    const plant = operation(forest, '/forest/{place}', 'put')
    expect(plant['parameters']).toEqual([{ name: 'place', in: 'path', required: true, schema: { type: 'string' } }])
    const body = plant['requestBody'] as { readonly content: Record<string, { readonly schema: JsonSchema }> }
    expect(Object.keys(body.content['application/json']?.schema['properties'] ?? {})).toEqual(['name', 'children'])
  })

  test('writes the query: a list that may be left out, fields that may not, fields of any alternative', () => {
    expect(operation(forest, '/forest', 'get')['parameters']).toMatchObject([
      { name: 'tags', in: 'query', required: false },
      { name: 'limit', in: 'query', required: true, description: 'The most of them' },
      { name: 'after', in: 'query', required: false },
    ])
    expect(operation(forest, '/forest', 'delete')['parameters']).toMatchObject([
      { name: 'by', required: false, schema: { anyOf: [{ const: 'age' }, { const: 'name' }] } },
      { name: 'age', required: false },
      { name: 'name', required: false },
    ])
  })

  test('writes failures of one status as one response of problem details', () => {
    const responses = operation(forest, '/forest/{place}', 'put')['responses'] as Record<string, JsonSchema>
    expect(Object.keys(responses)).toEqual(['200', '400', 'default'])
    expect(responses['400']).toMatchObject({
      description: 'Burnt, Cut',
      content: {
        'application/problem+json': {
          schema: {
            anyOf: [
              { $ref: '#/components/schemas/t.Forest.plant.BurntFailure' },
              { $ref: '#/components/schemas/t.Forest.plant.CutFailure' },
              { $ref: '#/components/schemas/Problem' },
            ],
          },
        },
      },
    })
  })

  test('names streams as they travel', () => {
    const grow = operation(forest, '/t.Forest/grow', 'post')
    expect(Object.keys((grow['requestBody'] as JsonSchema)['content'] as object)).toEqual(['application/x-ndjson'])
    expect(grow).toMatchObject({ responses: { 200: { content: { 'text/event-stream': {} } } } })
  })

  test('refuses two methods at one place', () => {
    expect(() => openapi([Stock, Stock])).toThrow(new TypeError('openapi: GET /stock is there twice'))
  })
})
