// Whether two schemas are the same but for what they say to people. What is the same needs no understanding: so `not`, patterns
// and whatever else cannot be compared passes where nobody changed it.
import type { JsonSchema } from './json-schema.js'
import { canonical } from './scalar-gaps.js'
import { isSchema, restricts, type SchemaParts } from './schema-parts.js'

/** The documents that the two schemas are of. */
interface Documents {
  readonly from: SchemaParts
  readonly to: SchemaParts
}

const maps: ReadonlySet<string> = new Set(['properties', 'patternProperties', 'dependentSchemas'])
const values: ReadonlySet<string> = new Set(['const', 'dependentRequired'])
const sets: ReadonlySet<string> = new Set(['enum', 'required', 'type'])

/** Whether two schemas are the same, wherever their references lead. */
export function areSame(a: JsonSchema, b: JsonSchema, documents: Documents): boolean {
  return new Sameness(documents).schemas(a, b)
}

class Sameness {
  readonly #documents: Documents
  readonly #seen: Map<JsonSchema, Set<JsonSchema>> = new Map()

  constructor(documents: Documents) {
    this.#documents = documents
  }

  schemas(one: unknown, other: unknown): boolean {
    if (!isSchema(one) || !isSchema(other)) return canonical(one) === canonical(other)
    const [a, b] = [this.#documents.from.resolve(one), this.#documents.to.resolve(other)]
    const seen = this.#seen.get(a) ?? new Set()
    if (seen.has(b)) return true // taken to hold; one difference anywhere ends the whole
    this.#seen.set(a, seen.add(b))
    const [keys, others] = [a, b].map(each => Object.keys(each).filter(restricts))
    if (keys?.length !== others?.length) return false
    return keys?.every(key => Object.hasOwn(b, key) && this.#keyword(key, a[key], b[key])) ?? true
  }

  #keyword(key: string, x: unknown, y: unknown): boolean {
    if (values.has(key)) return canonical(x) === canonical(y)
    if (sets.has(key))
      return canonical([x].flat().map(canonical).sort()) === canonical([y].flat().map(canonical).sort())
    if (Array.isArray(x))
      return Array.isArray(y) && x.length === y.length && x.every((each, at) => this.schemas(each, y[at]))
    if (!maps.has(key)) return this.schemas(x, y)
    if (!isSchema(x) || !isSchema(y)) return false
    const names = Object.keys(x)
    return (
      names.length === Object.keys(y).length &&
      names.every(name => Object.hasOwn(y, name) && this.schemas(x[name], y[name]))
    )
  }
}
