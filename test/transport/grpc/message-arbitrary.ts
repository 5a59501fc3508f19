/** Random JSON Schemas of messages, and random values that fit one, in JSON's form: for codecs, and for readers of other makers. */
import fc from 'fast-check'
import type { JsonSchema } from 'tenon/contract'

/** A schema with an arbitrary of its values. */
export interface Typed {
  readonly schema: JsonSchema
  readonly values: fc.Arbitrary<unknown>
}

const text = fc.string({ unit: 'grapheme', maxLength: 40 })
const dateText = fc
  .date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })
  .map(date => date.toISOString())
const bytesText = fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes).toString('base64'))
const key = fc.string({ unit: 'grapheme', maxLength: 8 }).filter(name => name !== '__proto__')
const json = fc.jsonValue({ maxDepth: 3 }).map(value => withoutProto(value))

/** JSON that may be received. */
function withoutProto(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (name, inner) => (name === '__proto__' ? undefined : inner)))
}

const scalars: readonly Typed[] = [
  { schema: { type: 'string' }, values: text },
  { schema: { type: 'string', enum: ['a', 'b', ''] }, values: fc.constantFrom('a', 'b', '') },
  { schema: { type: 'string', format: 'date-time' }, values: dateText },
  { schema: { type: 'string', contentEncoding: 'base64' }, values: bytesText },
  {
    schema: { type: 'string', format: 'int64' },
    values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  },
  { schema: { type: 'string', format: 'uint64' }, values: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String) },
  { schema: { type: 'boolean' }, values: fc.boolean() },
  { schema: { type: 'integer' }, values: fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -3, max: 300 })) },
  { schema: { type: 'integer', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }, values: fc.integer() },
  {
    schema: { type: 'integer', minimum: 0, maximum: 2 ** 32 - 1 },
    values: fc.nat({ max: 2 ** 31 - 1 }).map(n => 2 * n + 1),
  },
  { schema: { type: 'number' }, values: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(0)) },
]
const any: readonly Typed[] = [
  { schema: {}, values: json },
  { schema: { type: ['string', 'integer'] }, values: fc.oneof(text, fc.integer()) },
  {
    schema: { anyOf: [{ type: 'boolean' }, { type: 'array', items: {} }] },
    values: fc.oneof(fc.boolean(), fc.array(json)),
  },
]
const names = fc.constantFrom('a', 'skuId', 'sku2', 'constructor', 'toString', 'URL', 'x-odd', 'valueOf', 'é1')

const { message } = fc.letrec<{ typed: Typed; message: Typed }>(tie => ({
  typed: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.constantFrom(...scalars),
    fc.constantFrom(...any),
    tie('message'),
    tie('typed').map(({ schema, values }) => ({
      schema: { type: 'array', items: schema },
      values: fc.array(values, { maxLength: 4 }),
    })),
    tie('typed').map(({ schema, values }) => ({
      schema: { type: 'object', additionalProperties: schema },
      values: fc.dictionary(key, values, { maxKeys: 4, noNullPrototype: true }),
    })),
    tie('typed').map(({ schema, values }) => ({
      schema: { anyOf: [schema, { type: 'null' }] },
      values: fc.option(values),
    })),
  ),
  message: fc
    .uniqueArray(fc.record({ name: names, is: tie('typed'), isRequired: fc.boolean() }), {
      selector: ({ name }) => name,
      maxLength: 5,
    })
    .map(messageOf),
}))

interface Part {
  readonly name: string
  readonly is: Typed
  readonly isRequired: boolean
}

function messageOf(parts: readonly Part[]): Typed {
  const required = parts.filter(({ isRequired }) => isRequired).map(({ name }) => name)
  const properties = Object.fromEntries(parts.map(({ name, is }) => [name, is.schema]))
  const values = Object.fromEntries(
    parts.map(({ name, is, isRequired }) => [name, isRequired ? is.values : filled(is)]),
  )
  return {
    schema: { type: 'object', properties, required },
    values: fc.record(values, { requiredKeys: required, noNullPrototype: true }),
  }
}

/** A list that is optional cannot be told from none when it is empty: the one thing that protobuf has no way to say. */
function filled({ schema, values }: Typed): fc.Arbitrary<unknown> {
  const isOneOfMany = schema['type'] === 'array' || (schema['type'] === 'object' && 'additionalProperties' in schema)
  return isOneOfMany ? values.filter(value => Object.keys(value as object).length > 0) : values // a list or a map
}

export { message }
