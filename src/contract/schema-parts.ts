// A JSON Schema taken apart for comparison: references followed, conjunctions merged, choices listed. What is taken apart is
// remembered by identity, so that a recursive schema comes back to parts already seen instead of unfolding for ever.
import type { JsonSchema } from './json-schema.js'

/** Keywords that say nothing about which values are valid. */
const annotations: ReadonlySet<string> = new Set([
  '$comment',
  '$defs',
  '$id',
  '$schema',
  'default',
  'deprecated',
  'description',
  'discriminator',
  'example',
  'examples',
  'externalDocs',
  'readOnly',
  'title',
  'writeOnly',
  'xml',
])

/** Choices of choices multiply. */
const maxCases = 200

/** A schema that nothing fits. */
export const never: JsonSchema = Object.freeze({ not: Object.freeze({}) })
/** A schema that everything fits. */
const anything: JsonSchema = Object.freeze({})

/** Whether a keyword restricts values. */
export function restricts(keyword: string): boolean {
  return !annotations.has(keyword) && !keyword.startsWith('x-')
}

/** A schema in the place of one: JSON Schema also allows `true` and `false`. */
export function toSchema(value: unknown): JsonSchema {
  if (value === false) return never
  return isSchema(value) ? value : anything
}

export function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isNever(schema: JsonSchema): boolean {
  const { not } = schema
  return not === true || (isSchema(not) && Object.keys(not).filter(restricts).length === 0)
}

/** The schemas of one document, taken apart. */
export class SchemaParts {
  readonly #follow: (ref: string) => JsonSchema | undefined
  readonly #resolved: Map<JsonSchema, JsonSchema> = new Map()
  readonly #merged: Map<JsonSchema, Map<JsonSchema, JsonSchema>> = new Map()
  readonly #cases: Map<JsonSchema, readonly JsonSchema[]> = new Map()

  /** @param follow - what a `$ref` of the document leads to */
  constructor(follow: (ref: string) => JsonSchema | undefined) {
    this.#follow = follow
  }

  /** The schema without `$ref` at its top; what stands beside a reference holds as well. */
  resolve(schema: JsonSchema, depth = 0): JsonSchema {
    const ref = schema['$ref']
    if (typeof ref !== 'string') return schema
    const known = this.#resolved.get(schema)
    if (known !== undefined) return known
    const { $ref: _, ...rest } = schema
    const target = depth < 64 ? this.#follow(ref) : undefined
    if (target === undefined) return { ...rest, unresolved: ref } // fits nothing but itself
    const found = this.resolve(target, depth + 1)
    const whole = Object.keys(rest).some(restricts) ? { allOf: [found, rest] } : found
    this.#resolved.set(schema, whole)
    return whole
  }

  /** What a value has to fit all at once: the schema's own keywords, its `allOf`, its `anyOf`, its `oneOf`. */
  conjuncts(schema: JsonSchema): readonly JsonSchema[] {
    const { allOf, anyOf, oneOf, ...own } = this.resolve(schema)
    const parts: JsonSchema[] = Array.isArray(allOf) ? allOf.map(toSchema) : []
    if (anyOf !== undefined) parts.push({ anyOf })
    if (oneOf !== undefined) parts.push({ oneOf })
    return Object.keys(own).some(restricts) ? [own, ...parts] : parts
  }

  /** The schema as the choice that it is: each value fits one of these. A single one, without `allOf`, where there is no choice. */
  cases(schema: JsonSchema): readonly JsonSchema[] {
    const resolved = this.resolve(schema)
    const known = this.#cases.get(resolved)
    if (known !== undefined) return known
    this.#cases.set(resolved, [resolved]) // should it be made of itself
    const split = this.#split(resolved)
    const found = split.length > maxCases ? [resolved] : split // its own keywords alone are wider, and so still right
    this.#cases.set(resolved, found)
    return found
  }

  #split(schema: JsonSchema): readonly JsonSchema[] {
    const { allOf, anyOf, oneOf, ...own } = schema
    if (Array.isArray(allOf) && allOf.length > 0) {
      const rest = { ...own, ...(anyOf !== undefined && { anyOf }), ...(oneOf !== undefined && { oneOf }) }
      return this.cases(allOf.map(toSchema).reduce((whole, part) => this.both(whole, part), rest))
    }
    const [key, choice] = Array.isArray(anyOf) ? ['anyOf', anyOf] : ['oneOf', oneOf]
    if (Array.isArray(choice)) {
      const { [key]: _, ...rest } = schema
      return choice.map(toSchema).flatMap(each => this.cases(this.both(each, rest)))
    }
    const { type } = own
    return Array.isArray(type) && type.length > 1 ? type.map(each => ({ ...own, type: each })) : [schema]
  }

  /** A schema that whatever fits both fits. It may be wider than the two together, never narrower. */
  both(one: JsonSchema, other: JsonSchema): JsonSchema {
    const [a, b] = [this.resolve(one), this.resolve(other)]
    if (!Object.keys(b).some(restricts)) return a
    if (!Object.keys(a).some(restricts)) return b
    const known = this.#merged.get(a)?.get(b)
    if (known !== undefined) return known
    const merged: Record<string, unknown> = {}
    const byOther = this.#merged.get(a) ?? new Map<JsonSchema, JsonSchema>()
    this.#merged.set(a, byOther.set(b, merged)) // before it is filled: it may contain itself
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const value = this.#bothOf(key, a, b)
      if (value !== undefined) merged[key] = value
    }
    return merged
  }

  #bothOf(key: string, a: JsonSchema, b: JsonSchema): unknown {
    const [x, y] = [a[key], b[key]]
    if (key === 'properties') return this.#properties(a, b)
    if (key === 'required') return [...new Set([...list(x), ...list(y)])]
    if (key === 'additionalProperties') return this.#additional(a, b)
    if (key === 'allOf') return [...list(x), ...list(y)]
    // `items` is about what `prefixItems` leaves, so that the two stay together.
    if (key === 'items' || key === 'prefixItems') return this.#items(key, a, b)
    if (x === undefined || y === undefined) return x ?? y
    if (key === 'type') return bothTypes(x, y)
    if (typeof x === 'number' && typeof y === 'number')
      return /^(max|exclusiveMax)/.test(key) ? Math.min(x, y) : Math.max(x, y)
    return x // wider than both
  }

  #items(key: 'items' | 'prefixItems', a: JsonSchema, b: JsonSchema): unknown {
    if ('prefixItems' in a) return a[key]
    if ('prefixItems' in b) return b[key]
    return 'items' in a && 'items' in b ? this.both(toSchema(a['items']), toSchema(b['items'])) : (a[key] ?? b[key])
  }

  #properties(a: JsonSchema, b: JsonSchema): Readonly<Record<string, JsonSchema>> {
    const [x, y] = [propertiesOf(a), propertiesOf(b)]
    const all: [string, JsonSchema][] = [...new Set([...Object.keys(x), ...Object.keys(y)])].map(name => [
      name,
      x[name] !== undefined && y[name] !== undefined ? this.both(x[name], y[name]) : (x[name] ?? y[name] ?? anything),
    ])
    return Object.fromEntries(all)
  }

  #additional(a: JsonSchema, b: JsonSchema): unknown {
    const [x, y] = [a['additionalProperties'], b['additionalProperties']]
    // What the one calls additional, the other may declare, so that only what neither declares is left.
    if (x === undefined || y === undefined) return x ?? y
    return x === false || y === false ? false : this.both(toSchema(x), toSchema(y))
  }
}

/** The declared properties. */
export function propertiesOf(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  const { properties } = schema
  if (!isSchema(properties)) return {}
  return Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, toSchema(each)]))
}

/** The names of the properties that must be there. */
export function requiredOf(schema: JsonSchema): ReadonlySet<string> {
  return new Set(list(schema['required']).map(String))
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function bothTypes(x: unknown, y: unknown): unknown {
  const [xs, ys] = [x, y].map(type => (Array.isArray(type) ? type : [type]))
  const both = (xs ?? []).filter(type => ys?.includes(type) || (type === 'integer' && ys?.includes('number')))
  const integer = (ys ?? []).includes('integer') && (xs ?? []).includes('number') ? ['integer'] : []
  const all = [...new Set([...both, ...integer])]
  return all.length === 1 ? all[0] : all
}
