// The keywords of JSON Schema that need no look inside objects and arrays: types, closed lists of values, bounds.
import type { GapWords } from './gap-words.js'
import type { JsonSchema } from './json-schema.js'
import { propertiesOf, requiredOf, restricts } from './schema-parts.js'

/** What a schema without choices says of its values' types; undefined where they may be any. */
export function typesOf(schema: JsonSchema): readonly string[] | undefined {
  const { type } = schema
  if (type !== undefined) return (Array.isArray(type) ? type : [type]).map(String)
  return valuesOf(schema)?.map(jsonType)
}

/** Whether a value of type `sent` may be of one of `types`. */
export function isOneOf(sent: string, types: readonly string[]): boolean {
  return types.includes(sent) || (sent === 'integer' && types.includes('number'))
}

/** All values, where there are only so many. */
export function valuesOf(schema: JsonSchema): readonly unknown[] | undefined {
  if ('const' in schema) return [schema['const']]
  if (Array.isArray(schema['enum'])) return schema['enum']
  if (schema['type'] === 'boolean') return [true, false]
  return schema['type'] === 'null' ? [null] : undefined
}

/** JSON text with sorted keys: the same for equal values. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  )
}

function jsonType(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

/** Types that the sender uses and the receiver does not read. */
export function typeGaps(sender: JsonSchema, receiver: JsonSchema, words: GapWords): readonly string[] {
  const read = receiver['type'] === undefined ? undefined : typesOf(receiver)
  if (read === undefined) return []
  const sent = typesOf(sender)
  const lost = sent?.filter(type => !isOneOf(type, read))
  return lost?.length === 0 ? [] : [words.types(lost, read)]
}

/** Of a sender with a closed list of values: those that the receiver does not read, as JSON. Undefined where it cannot be told. */
export function refusedValues(values: readonly unknown[], receiver: JsonSchema): readonly string[] | undefined {
  const refused: string[] = []
  for (const value of values) {
    const accepted = accepts(receiver, value)
    if (accepted === undefined) return undefined
    if (!accepted) refused.push(JSON.stringify(value))
  }
  return refused
}

function accepts(schema: JsonSchema, value: unknown): boolean | undefined {
  let isKnown = true
  for (const [key, limit] of Object.entries(schema)) {
    if (!restricts(key) || !concerns(key, jsonType(value))) continue
    const test = tests[key]
    if (test === undefined) isKnown = false
    else if (!test(value, limit)) return false
  }
  return isKnown ? true : undefined
}

const length = (value: unknown): number => [...String(value)].length
const number = Number
const equals = (value: unknown, other: unknown): boolean => canonical(value) === canonical(other)

const tests: Readonly<Record<string, (value: unknown, limit: unknown) => boolean>> = {
  type: (value, limit) => isOneOf(jsonType(value), [limit].flat().map(String)),
  const: equals,
  enum: (value, limit) => [limit].flat().some(each => equals(value, each)),
  minimum: (value, limit) => number(value) >= number(limit),
  exclusiveMinimum: (value, limit) => number(value) > number(limit),
  maximum: (value, limit) => number(value) <= number(limit),
  exclusiveMaximum: (value, limit) => number(value) < number(limit),
  multipleOf: (value, limit) => Number.isInteger(number(value) / number(limit)),
  minLength: (value, limit) => length(value) >= number(limit),
  maxLength: (value, limit) => length(value) <= number(limit),
}

/** What only values of these types are measured by. */
const concerned: Readonly<Record<string, readonly string[]>> = {
  minimum: ['number', 'integer'],
  exclusiveMinimum: ['number', 'integer'],
  maximum: ['number', 'integer'],
  exclusiveMaximum: ['number', 'integer'],
  multipleOf: ['number', 'integer'],
  format: ['string', 'number', 'integer'],
  minLength: ['string'],
  maxLength: ['string'],
  pattern: ['string'],
  contentEncoding: ['string'],
  contentMediaType: ['string'],
  contentSchema: ['string'],
  prefixItems: ['array'],
  items: ['array'],
  minItems: ['array'],
  maxItems: ['array'],
  uniqueItems: ['array'],
  contains: ['array'],
  minContains: ['array'],
  maxContains: ['array'],
  unevaluatedItems: ['array'],
  properties: ['object'],
  required: ['object'],
  additionalProperties: ['object'],
  patternProperties: ['object'],
  propertyNames: ['object'],
  minProperties: ['object'],
  maxProperties: ['object'],
  dependentRequired: ['object'],
  dependentSchemas: ['object'],
  unevaluatedProperties: ['object'],
}

/** Whether a keyword says anything about values of a type. */
export function concerns(keyword: string, type: string): boolean {
  return concerned[keyword]?.includes(type) ?? true
}

/** The least and the most that a schema allows of something, and whether the end itself is excluded. */
type End = readonly [limit: number, isExcluded: boolean]

function lowest(schema: JsonSchema, [inclusive, exclusive]: readonly [string, string?], otherwise: number): End {
  const [at, above] = [limitOf(schema[inclusive]) ?? otherwise, exclusive && limitOf(schema[exclusive])]
  return typeof above === 'number' && above >= at ? [above, true] : [at, false]
}

function limitOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** Bounds of the receiver that the sender does not keep, by keyword. */
export function brokenBounds(sender: JsonSchema, receiver: JsonSchema): readonly string[] {
  const broken: string[] = []
  const negated = (schema: JsonSchema, ...keys: readonly string[]): JsonSchema =>
    Object.fromEntries(keys.map(key => [key, typeof schema[key] === 'number' ? -schema[key] : undefined]))
  const check = (keys: readonly [string, string?], [sent, read]: readonly [End, End]): void => {
    const isKept = sent[0] > read[0] || (sent[0] === read[0] && (sent[1] || !read[1]))
    if (!isKept) broken.push(keys[1] !== undefined && read[1] ? keys[1] : keys[0])
  }
  for (const [keys, least] of [
    [['minimum', 'exclusiveMinimum'], Number.NEGATIVE_INFINITY],
    [['minLength'], 0],
    [['minItems'], 0],
    [['minProperties'], requiredOf(sender).size],
  ] as const) {
    check(keys, [lowest(sender, keys, least), lowest(receiver, keys, Number.NEGATIVE_INFINITY)])
  }
  const isClosed = sender['additionalProperties'] === false && sender['patternProperties'] === undefined
  const mostProperties = isClosed ? Object.keys(propertiesOf(sender)).length : Number.POSITIVE_INFINITY
  const { items, prefixItems } = sender
  const mostItems = items === false && Array.isArray(prefixItems) ? prefixItems.length : Number.POSITIVE_INFINITY
  for (const [keys, least] of [
    [['maximum', 'exclusiveMaximum'], Number.NEGATIVE_INFINITY],
    [['maxLength'], Number.NEGATIVE_INFINITY],
    [['maxItems'], -mostItems],
    [['maxProperties'], -mostProperties],
  ] as const) {
    const ends = [negated(sender, ...keys), negated(receiver, ...keys)] as const
    check(keys, [lowest(ends[0], keys, least), lowest(ends[1], keys, Number.NEGATIVE_INFINITY)])
  }
  const step = limitOf(receiver['multipleOf'])
  const own = limitOf(sender['multipleOf']) ?? (sender['type'] === 'integer' ? 1 : undefined)
  if (step !== undefined && (own === undefined || !Number.isInteger(own / step))) broken.push('multipleOf')
  return broken
}
