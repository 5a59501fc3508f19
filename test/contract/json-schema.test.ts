/** The JSON Schema that is read from a schema: of what travels, without what only one side can hold. */
import { toJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { jsonSchemaOf } from '../../src/contract/json-schema.js'

const date = { type: 'string', format: 'date-time' }
const int64 = { type: 'string', format: 'int64' }
const digits = z
  .string()
  .regex(/^\d+$/)
  .transform(text => BigInt(text))

function read(field: z.ZodType): unknown {
  const { properties } = jsonSchemaOf(z.object({ field }), 'where') ?? {}
  return (properties as { field: unknown }).field
}

describe('a field of zod', () => {
  test.each<readonly [what: string, field: z.ZodType, schema: unknown]>([
    ['a date', z.date(), date],
    ['a bigint', z.bigint(), int64],
    [
      'a date or its text',
      z.union([z.date(), z.iso.datetime().transform(text => new Date(text))]),
      expect.objectContaining(date),
    ],
    ['a bigint or its text', z.union([z.bigint(), digits]), { ...int64, pattern: '^\\d+$' }],
    [
      'bytes or their text',
      z.union([z.instanceof(Uint8Array), z.base64()]),
      expect.objectContaining({ contentEncoding: 'base64' }),
    ],
    ['a date or a number', z.union([z.date(), z.number()]), { anyOf: [date, { type: 'number' }] }],
    [
      'a bigint, its text or a number',
      z.union([z.bigint(), digits, z.number()]),
      { anyOf: [{ ...int64, pattern: '^\\d+$' }, { type: 'number' }] },
    ],
    ['a date or a bigint', z.union([z.date(), z.bigint()]), { anyOf: [date, int64] }],
    ['a date or one word', z.union([z.date(), z.literal('now')]), { anyOf: [date, { type: 'string', const: 'now' }] }],
    [
      'two kinds of text',
      z.union([z.email(), z.uuid()]),
      { anyOf: [expect.objectContaining({ format: 'email' }), expect.objectContaining({ format: 'uuid' })] },
    ],
    ['an optional date', z.date().optional(), date],
    ['a date or null', z.date().nullable(), { anyOf: [date, { type: 'null' }] }],
    ['a list of dates', z.array(z.date()), { type: 'array', items: date }],
    ['what is transformed, as it was before', z.string().transform(text => text.length), { type: 'string' }],
    ['a default, as what it is without', z.number().default(7), { type: 'number', default: 7 }],
    ['a text or what JSON cannot hold', z.union([z.string(), z.map(z.string(), z.string())]), { type: 'string' }],
    ['anything', z.unknown(), {}],
  ])('%s', (_, field, schema) => expect(read(field)).toEqual(schema))

  test('may be called as a keyword is', () => {
    const properties = z.object({ default: z.date(), anyOf: z.bigint(), items: z.string(), $ref: z.string() })
    expect(jsonSchemaOf(properties, 'where')).toMatchObject({
      properties: { default: date, anyOf: int64, items: { type: 'string' }, $ref: { type: 'string' } },
    })
  })

  test.each<readonly [what: string, schema: z.ZodType, path: string]>([
    ['in the message', z.object({ a: z.map(z.string(), z.string()) }), 'a'],
    ['called as a keyword is', z.object({ default: z.map(z.string(), z.string()) }), 'default'],
    ['in another', z.object({ a: z.object({ b: z.symbol() }) }), 'a.b'],
    ['in a list', z.object({ a: z.array(z.object({ b: z.symbol() })) }), 'a[].b'],
    ['in a tuple', z.object({ a: z.tuple([z.string(), z.symbol()]) }), 'a[1]'],
    ['under any key', z.object({ a: z.record(z.string(), z.object({ b: z.symbol() })) }), 'a.*.b'],
    ['in a part', z.object({ a: z.string() }).and(z.object({ b: z.symbol() })), 'b'],
    ['in an alternative', z.union([z.object({ a: z.symbol() }), z.object({ b: z.string() })]), 'a'],
  ])('that JSON cannot carry is refused by its path: %s', (_, schema, path) => {
    expect(() => jsonSchemaOf(schema, 'where')).toThrow(`where: the field '${path}' (`)
  })

  test('may refer to its own message', () => {
    const Tree = z.object({
      at: z.date(),
      get children() {
        return z.array(Tree)
      },
    })
    const schema = JSON.stringify(jsonSchemaOf(Tree, 'where'))
    expect(schema).toContain('"$ref":"#"')
    expect(schema).toContain(JSON.stringify(date))
  })
})

test.each([
  ['valibot', v.object({ at: v.date(), big: v.bigint() }), toJsonSchema],
  ['arktype', type({ at: 'Date', big: 'bigint' }), undefined],
])('dates and bigints of %s are what they are on the wire', (_, schema, convert) => {
  expect(jsonSchemaOf(schema, 'where', convert)).toEqual({
    type: 'object',
    properties: { at: date, big: int64 },
    required: ['at', 'big'],
  })
})

test('a library that offers none has none', () => {
  expect(jsonSchemaOf(v.object({ id: v.string() }), 'where')).toBeUndefined()
})

test('what a library throws says where', () => {
  const schema = z.object({ id: z.string() })
  const throwing = () => {
    throw new Error('unsupported')
  }
  const broken = { '~standard': { ...schema['~standard'], jsonSchema: { input: throwing, output: throwing } } }
  expect(() => jsonSchemaOf(broken as unknown as typeof schema, 'a.B/c: request')).toThrow(
    'a.B/c: request: the schema has no JSON form: unsupported',
  )
})
