/** Random JSON Schemas of a small grammar, and random values that fit one, for properties that ajv judges. */
import fc from 'fast-check'
import type { JsonSchema } from 'tenon/contract'

const names = ['a', 'b', 'c'] as const
const texts = ['', 'x', 'xy', 'xyz'] as const

/** `$defs` that schemas refer to: small, so that pairs often differ in one thing only. */
export interface Definitions {
  readonly [name: string]: JsonSchema
}

const scalar: fc.Arbitrary<JsonSchema> = fc.oneof(
  fc.constant({ type: 'string' }),
  fc.record({ type: fc.constant('string'), minLength: fc.nat(3) }),
  fc.record({ type: fc.constant('string'), maxLength: fc.nat(3) }),
  fc.record({ type: fc.constant('string'), pattern: fc.constantFrom('^x', 'y$') }),
  fc.record({ type: fc.constantFrom('integer', 'number') }),
  fc.record({ type: fc.constantFrom('integer', 'number'), minimum: fc.integer({ min: -3, max: 3 }) }),
  fc.record({ type: fc.constantFrom('integer', 'number'), exclusiveMinimum: fc.integer({ min: -3, max: 3 }) }),
  fc.record({ type: fc.constantFrom('integer', 'number'), maximum: fc.integer({ min: -3, max: 3 }) }),
  fc.record({ type: fc.constantFrom('integer', 'number'), exclusiveMaximum: fc.integer({ min: -3, max: 3 }) }),
  fc.record({ type: fc.constantFrom('integer', 'number'), multipleOf: fc.integer({ min: 1, max: 4 }) }),
  fc.constant({ type: 'boolean' }),
  fc.constant({ type: 'null' }),
  fc.constant({ type: ['string', 'null'] }),
  fc.constant({ type: ['integer', 'string'], minimum: 1, maxLength: 2 }),
  fc.record({ const: fc.constantFrom<unknown>('x', 'xy', 1, 2, true, null) }),
  fc.record({
    enum: fc.uniqueArray(fc.constantFrom<unknown>('x', 'xy', 'xyz', 1, 2, 1.5, true, null), { minLength: 1 }),
  }),
  fc.constant({}),
)

const { schema, object, array } = fc.letrec<{ schema: JsonSchema; object: JsonSchema; array: JsonSchema }>(tie => ({
  schema: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    scalar,
    tie('object'),
    tie('array'),
    fc.record({ $ref: fc.constantFrom('#/$defs/P', '#/$defs/Q') }),
    fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ allOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }),
    fc.record({ anyOf: fc.array(tie('object'), { minLength: 1, maxLength: 2 }), ...objectKeywords(tie('schema')) }),
    fc.record({ not: scalar }),
  ),
  object: fc.record(objectKeywords(tie('schema')), { requiredKeys: ['type', 'properties'] }),
  array: fc.oneof(
    fc.record({ type: fc.constant('array'), items: tie('schema') }),
    fc.record({ type: fc.constant('array'), items: tie('schema'), minItems: fc.nat(2), maxItems: fc.nat(2) }),
    fc.record({ type: fc.constant('array'), items: tie('schema'), uniqueItems: fc.boolean() }),
    fc.record({
      type: fc.constant('array'),
      prefixItems: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
      items: fc.oneof(fc.constant(false), tie('schema')),
    }),
  ),
}))

function objectKeywords(inner: fc.Arbitrary<JsonSchema>) {
  return {
    type: fc.constant('object'),
    properties: fc.dictionary(fc.constantFrom(...names), inner, { maxKeys: 3 }),
    required: fc.uniqueArray(fc.constantFrom(...names), { maxLength: 2 }),
    additionalProperties: fc.oneof(fc.constant(false), fc.constant(true), scalar),
    maxProperties: fc.constantFrom(1, 2, 3),
  }
}

/** A schema with the definitions that it refers to. */
export interface Rooted {
  readonly schema: JsonSchema
  readonly definitions: Definitions
}

export const rooted: fc.Arbitrary<Rooted> = fc.record({
  schema,
  // What a reference leads to says something before it refers on: otherwise it would mean nothing, and ajv would never end.
  definitions: fc.record({ P: fc.oneof(object, array, scalar), Q: fc.oneof(object, array) }),
})

/** Two schemas of which the second is often the first but for one thing. */
export const pair: fc.Arbitrary<readonly [Rooted, Rooted]> = fc.oneof(
  fc.tuple(rooted, rooted),
  fc.tuple(rooted, fc.nat(), scalar).map(([from, at, other]) => [from, changed(from, at, other)] as const),
  fc
    .tuple(
      rooted,
      fc.nat(),
      fc.constantFrom('minimum', 'minLength', 'pattern', 'required', 'enum', 'items', 'additionalProperties'),
    )
    .map(([from, at, key]) => [from, without(from, at, key)] as const),
)

/** Replaces one of the schemas inside. */
function changed(from: Rooted, at: number, by: JsonSchema): Rooted {
  return edited(from, at, () => by)
}

function without(from: Rooted, at: number, key: string): Rooted {
  return edited(from, at, ({ [key]: _, ...rest }) => rest)
}

function edited(from: Rooted, at: number, edit: (schema: JsonSchema) => JsonSchema): Rooted {
  let count = 0
  const schemas = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(schemas)
    if (typeof node !== 'object' || node === null) return node
    const copy = Object.fromEntries(
      Object.entries(node).map(([key, value]) => [key, key === 'properties' ? mapped(value) : schemas(value)]),
    )
    return count++ === at % 5 ? edit(copy) : copy
  }
  const mapped = (map: object): object =>
    Object.fromEntries(Object.entries(map).map(([name, value]) => [name, schemas(value)]))
  const schema = schemas(from.schema) as JsonSchema // a schema stays one
  return { schema, definitions: mapped(from.definitions) as Definitions } // and so do several
}

const any = fc.constantFrom<unknown>('x', 'xyz', 0, 1, 2.5, null, true, [], {}, { a: 1 }, ['x'])

type Inner = (schema: unknown) => fc.Arbitrary<unknown>

/** Values that may fit, with no field that the schema does not declare; `$ref` and choices are followed by chance. */
export function valuesFor({ schema: root, definitions }: Rooted): fc.Arbitrary<unknown> {
  const of = (node: unknown, depth: number): fc.Arbitrary<unknown> => {
    if (typeof node !== 'object' || node === null || depth > 6) return any
    const part = node as JsonSchema // by the grammar
    const { $ref, anyOf, oneOf, allOf, type } = part
    const inner: Inner = each => of(each, depth + 1)
    if (typeof $ref === 'string') return inner(definitions[$ref.slice('#/$defs/'.length)])
    const choice = [anyOf, oneOf, allOf].filter(Array.isArray).flat()
    const options = [...choice.map(inner), ...[type].flat().flatMap(each => ofType(each, { part, choice, inner }))]
    if ('const' in part) options.push(fc.constant(part['const']))
    if (Array.isArray(part['enum'])) options.push(fc.constantFrom(...part['enum']))
    return options.length === 0 ? any : fc.oneof(...options)
  }
  return of(root, 0)
}

interface Parts {
  readonly part: JsonSchema
  readonly choice: readonly unknown[]
  readonly inner: Inner
}

function ofType(type: unknown, parts: Parts): readonly fc.Arbitrary<unknown>[] {
  if (type === 'string') return [fc.constantFrom(...texts)]
  if (type === 'integer' || type === 'number') return [fc.integer({ min: -5, max: 8 }), fc.constantFrom(0.5, -1.5)]
  if (type === 'boolean') return [fc.boolean()]
  if (type === 'null') return [fc.constant(null)]
  if (type === 'array') return [arrayOf(parts)]
  return type === 'object' ? [objectOf(parts)] : []
}

function objectOf({ part, choice, inner }: Parts): fc.Arbitrary<unknown> {
  const beside = choice.map(each => (each as JsonSchema)['properties'] ?? {})
  const declared: Record<string, unknown> = Object.assign({}, ...beside, part['properties'])
  const fields = Object.fromEntries(Object.entries(declared).map(([name, each]) => [name, inner(each)]))
  const object = fc.record(fields, { requiredKeys: [], noNullPrototype: true })
  const extra = part['additionalProperties']
  if (extra === undefined || extra === false) return object
  const extras = fc.dictionary(fc.constantFrom(...names, 'd'), inner(extra), { maxKeys: 2, noNullPrototype: true })
  return fc.tuple(extras, object).map(([x, y]) => ({ ...x, ...y }))
}

function arrayOf({ part: { items, prefixItems }, inner }: Parts): fc.Arbitrary<unknown> {
  const tail = items === false ? fc.constant([]) : fc.array(inner(items), { maxLength: 3 })
  if (!Array.isArray(prefixItems)) return tail
  const whole = fc.tuple(fc.tuple(...prefixItems.map(inner)), tail)
  return fc
    .tuple(whole, fc.nat(2))
    .map(([[x, y], cut]) => [...x, ...y].slice(0, Math.max(0, x.length + y.length - cut)))
}
