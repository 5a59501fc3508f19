// Whether every value that one JSON Schema accepts is accepted by another, and if not, why. Cautious: where it cannot tell
// (patterns, `not`, …) it says that it is not, so that no breaking change passes for a harmless one. An object is taken to have
// the fields that its schema declares: who sends others does so at their own risk, and a new optional field breaks nobody.
import { distinct, type Gap, here, within } from './gap.js'
import type { GapWords } from './gap-words.js'
import type { JsonSchema } from './json-schema.js'
import { brokenBounds, canonical, concerns, refusedValues, typeGaps, typesOf, valuesOf } from './scalar-gaps.js'
import { areDisjoint } from './schema-disjoint.js'
import {
  isNever,
  isSchema,
  never,
  propertiesOf,
  requiredOf,
  restricts,
  type SchemaParts,
  toSchema,
} from './schema-parts.js'
import { areSame } from './schema-same.js'

/** The documents of the two sides, and how their differences are told. */
export interface Sides {
  readonly from: SchemaParts
  readonly to: SchemaParts
  readonly words: GapWords
}

/** What `from` accepts and `to` may not. Empty: everything that fits `from` fits `to`. */
export function gaps(from: JsonSchema, to: JsonSchema, sides: Sides): readonly Gap[] {
  return new Comparer(sides).compare(from, to)
}

const handled: ReadonlySet<string> = new Set([
  ...['type', 'const', 'enum', 'properties', 'required', 'additionalProperties', 'items', 'prefixItems'],
  ...['minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength'],
  ...['minItems', 'maxItems', 'minProperties', 'maxProperties'],
])

/** Far deeper than messages are; only a schema that unfolds without end gets here. */
const maxDepth = 150

class Comparer {
  readonly #sides: Sides
  // A pair that is being compared is taken to hold, unless something else in it does not: recursive schemas end there. What was
  // found to hold inside a pair that turns out not to is forgotten with it.
  readonly #holds: Map<JsonSchema, Set<JsonSchema>> = new Map()
  readonly #trail: [JsonSchema, JsonSchema][] = []
  readonly #failed: Map<JsonSchema, Map<JsonSchema, readonly Gap[]>> = new Map()
  #depth = 0

  constructor(sides: Sides) {
    this.#sides = sides
  }

  compare(from: JsonSchema, to: JsonSchema): readonly Gap[] {
    const [a, b] = [this.#sides.from.resolve(from), this.#sides.to.resolve(to)]
    if (isNever(a) || !Object.keys(b).some(restricts) || this.#holds.get(a)?.has(b) === true) return []
    const known = this.#failed.get(a)?.get(b)
    if (known !== undefined) return known.slice(0, 1) // told in full where it was met first
    if (this.#depth > maxDepth) return [{ path: '', reason: 'is nested too deeply to compare' }]
    const start = this.#trail.push([a, b]) - 1
    const holding = this.#holds.get(a) ?? new Set()
    this.#holds.set(a, holding.add(b))
    this.#depth++
    const found = this.#choice(a, b)
    this.#depth--
    if (found.length === 0) return found
    for (const [x, y] of this.#trail.splice(start)) this.#holds.get(x)?.delete(y)
    this.#failed.set(a, (this.#failed.get(a) ?? new Map<JsonSchema, readonly Gap[]>()).set(b, found))
    return found
  }

  #choice(a: JsonSchema, b: JsonSchema): readonly Gap[] {
    if (areSame(a, b, this.#sides)) return []
    const found = this.#sides.from.cases(a).flatMap(each => this.#case(each, b))
    return distinct(found)
  }

  /** One of the sender's cases against all that the receiver wants. */
  #case(a: JsonSchema, b: JsonSchema): readonly Gap[] {
    if (isNever(a)) return []
    return this.#sides.to.conjuncts(b).flatMap(part => {
      // A part of an allOf may itself be a choice and more: all of it counts.
      const isMore = ('anyOf' in part || 'oneOf' in part) && Object.keys(part).filter(restricts).length > 1
      if (isMore && part !== b) return this.compare(a, part)
      if (Array.isArray(part['anyOf'])) return this.#anyOf(a, part['anyOf'].map(toSchema))
      if (Array.isArray(part['oneOf'])) return this.#oneOf(a, part['oneOf'].map(toSchema))
      const isWhole = 'allOf' in part || '$ref' in part || part === b
      return isWhole && part !== b ? this.compare(a, part) : this.#plain(a, part)
    })
  }

  #anyOf(a: JsonSchema, alternatives: readonly JsonSchema[]): readonly Gap[] {
    const tries = alternatives.map(each => this.compare(a, each))
    const best = tries.reduce(
      (least, each) => (each.length < least.length ? each : least),
      tries[0] ?? [this.#nothing()],
    )
    const values = best.length === 0 ? undefined : valuesOf(a)
    if (values === undefined || values.length < 2) return best
    return values.flatMap(value => this.#anyOf({ const: value }, alternatives)) // each may fit another alternative
  }

  #oneOf(a: JsonSchema, alternatives: readonly JsonSchema[]): readonly Gap[] {
    const values = valuesOf(a)
    if (values !== undefined && values.length > 1)
      return values.flatMap(value => this.#oneOf({ const: value }, alternatives))
    const tries = alternatives.map(each => this.compare(a, each))
    const fitting = tries.findIndex(each => each.length === 0)
    if (fitting === -1)
      return tries.reduce((least, each) => (each.length < least.length ? each : least), tries[0] ?? [this.#nothing()])
    const isClear = alternatives.every((each, index) => index === fitting || areDisjoint(a, each, this.#sides))
    return isClear ? [] : [{ path: '', reason: this.#sides.words.ambiguous() }]
  }

  #nothing(): Gap {
    return { path: '', reason: this.#sides.words.nothing() }
  }

  /** Schemas without choices. */
  #plain(a: JsonSchema, b: JsonSchema): readonly Gap[] {
    if (isNever(b)) return [this.#nothing()]
    const { words } = this.#sides
    const types = typeGaps(a, b, words)
    if (types.length > 0) return here(types)
    const values = valuesOf(a)
    const refused = values && refusedValues(values, b)
    if (refused !== undefined) return refused.length === 0 ? [] : here([words.values(refused, [])])
    const read = valuesOf(b)?.map(value => JSON.stringify(value))
    if (read !== undefined && ('const' in b || 'enum' in b)) return here([words.values(undefined, read)])
    const sent = typesOf(a)
    const matters = (key: string): boolean => sent?.some(type => concerns(key, type)) ?? true
    const may = (type: string): boolean => sent?.includes(type) ?? true
    const bounds = brokenBounds(a, b).filter(matters)
    const others = Object.keys(b).filter(
      key => restricts(key) && !handled.has(key) && matters(key) && !this.#isKept(key, a, b),
    )
    return [
      ...here([...bounds, ...others].map(key => words.keyword(key, a[key], b[key]))),
      ...(may('object') ? this.#objects(a, b) : []),
      ...(may('array') ? this.#items(a, b) : []),
    ]
  }

  #isKept(key: string, a: JsonSchema, b: JsonSchema): boolean {
    const limit = b[key]
    if (key === 'propertyNames' && isSchema(limit) && canonical(limit) === '{"type":"string"}') return true
    return limit === false || (key in a && areSame({ [key]: a[key] }, { [key]: limit }, this.#sides))
  }

  #objects(a: JsonSchema, b: JsonSchema): readonly Gap[] {
    const { words } = this.#sides
    const [sent, read] = [propertiesOf(a), propertiesOf(b)]
    const always = requiredOf(a)
    const missing = [...requiredOf(b)].filter(name => !always.has(name))
    const found: Gap[] = missing.map(name => ({ path: name, reason: words.needed(Object.hasOwn(sent, name)) }))
    const extra = a['patternProperties'] === undefined ? a['additionalProperties'] : true
    const isOpen = extra !== undefined && extra !== false
    const names = new Set([...Object.keys(sent), ...always, ...(isOpen ? Object.keys(read) : [])])
    const refusesExtra = b['additionalProperties'] === false && b['patternProperties'] === undefined
    for (const name of names) {
      const from = Object.hasOwn(sent, name) ? (sent[name] ?? never) : toSchema(extra ?? true)
      if (Object.hasOwn(read, name)) found.push(...within(name, this.compare(from, read[name] ?? never)))
      else if (refusesExtra && !isNever(from)) found.push({ path: name, reason: words.refused() })
      else found.push(...within(name, this.compare(from, toSchema(b['additionalProperties']))))
    }
    if (isOpen && !refusesExtra)
      found.push(...within('*', this.compare(toSchema(extra), toSchema(b['additionalProperties']))))
    else if (extra !== false && refusesExtra) found.push({ path: '', reason: words.extras() })
    return found
  }

  #items(a: JsonSchema, b: JsonSchema): readonly Gap[] {
    const [sent, read] = [a, b].map(({ prefixItems }) => (Array.isArray(prefixItems) ? prefixItems : [])) as [
      unknown[],
      unknown[],
    ] // two of two
    const { maxItems } = a
    const most = typeof maxItems === 'number' ? maxItems : Number.POSITIVE_INFINITY
    const length = Math.max(sent.length, read.length)
    const found: Gap[] = []
    for (let at = 0; at < Math.min(length, most); at++) {
      const from = toSchema(at < sent.length ? sent[at] : a['items'])
      const to = toSchema(at < read.length ? read[at] : b['items'])
      found.push(...within(`[${at}]`, this.compare(from, to)))
    }
    if (most > length) found.push(...within('[]', this.compare(toSchema(a['items']), toSchema(b['items']))))
    return found
  }
}
