// What the fields of a request are, as far as a path or a query must know: text has no types, so the JSON Schema says
// which field is a number, which a boolean and which may be repeated.
import type { JsonSchema } from './json-schema.js'

type Primitive = 'string' | 'number' | 'integer' | 'boolean' | 'null'

/** How a field is written in a path or a query. */
export interface TextField {
  /** Whether it is a list. */
  readonly repeated: boolean
  /** The value that the text means; the text itself where it fits no type, for the schema to refuse with its own words. */
  read(text: string): unknown
}

const primitives: ReadonlySet<unknown> = new Set<Primitive>(['string', 'number', 'integer', 'boolean', 'null'])

/** The top-level fields of a message's schema. */
export function fieldsOf(root: JsonSchema): ReadonlyMap<string, JsonSchema> {
  const fields = new Map<string, JsonSchema>()
  collect(root, root, fields)
  return fields
}

function collect(schema: JsonSchema, root: JsonSchema, fields: Map<string, JsonSchema>): void {
  const resolved = resolve(schema, root)
  for (const [name, given] of Object.entries(asSchema(resolved['properties']))) {
    const field = asSchema(given)
    const before = fields.get(name)
    fields.set(name, before === undefined ? field : { anyOf: [before, field] }) // alternatives that share a name
  }
  for (const part of [...list(resolved['allOf']), ...list(resolved['anyOf']), ...list(resolved['oneOf'])])
    collect(part, root, fields)
}

/** The names of the fields that a message must have. */
export function requiredOf(root: JsonSchema): ReadonlySet<string> {
  const resolved = resolve(root, root)
  const parts = list(resolved['allOf']).flatMap(part => [...requiredOf({ ...part, $defs: root['$defs'] })])
  return new Set([...list(resolved['required'], true).map(String), ...parts])
}

/** Whether the schema describes objects: what every message must be. True where it does not say. */
export function isObjectSchema(schema: JsonSchema, root: JsonSchema = schema): boolean {
  const resolved = resolve(schema, root)
  const { type } = resolved
  if (type !== undefined) return type === 'object'
  const alternatives = [...list(resolved['anyOf']), ...list(resolved['oneOf'])]
  return alternatives.every(each => isObjectSchema(each, root))
}

/** How a field is read from text; undefined where it cannot be (an object, a list of objects). */
export function textField(field: JsonSchema, root: JsonSchema): TextField | undefined {
  const resolved = resolve(field, root)
  if (resolved['type'] === 'array') {
    const item = typesOf(asSchema(resolved['items']), root)
    return item === undefined ? undefined : { repeated: true, read: readerFor(item) }
  }
  const types = typesOf(resolved, root)
  return types === undefined ? undefined : { repeated: false, read: readerFor(types) }
}

function typesOf(schema: JsonSchema, root: JsonSchema): ReadonlySet<Primitive> | undefined {
  const resolved = resolve(schema, root)
  const types = new Set<Primitive>()
  const add = (type: unknown): boolean => {
    if (!primitives.has(type)) return false
    types.add(type as Primitive) // it is in the set
    return true
  }
  const { type } = resolved
  if (type !== undefined) return list(type, true).every(add) ? types : undefined
  for (const value of [...list(resolved['enum'], true), ...('const' in resolved ? [resolved['const']] : [])]) {
    if (!add(value === null ? 'null' : typeof value)) return undefined
  }
  for (const alternative of [...list(resolved['anyOf']), ...list(resolved['oneOf'])]) {
    const inner = typesOf(alternative, root)
    if (inner === undefined) return undefined
    for (const each of inner) types.add(each)
  }
  return types.size === 0 ? new Set(['string']) : types
}

const numberRule = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

function readerFor(types: ReadonlySet<Primitive>): (text: string) => unknown {
  const numeric = types.has('number') || types.has('integer')
  if (types.has('string') || !(numeric || types.has('boolean'))) return text => text
  return text => {
    if (types.has('boolean') && (text === 'true' || text === 'false')) return text === 'true'
    return numeric && numberRule.test(text) ? Number(text) : text
  }
}

/** Texts that are base64, and one that is none: some libraries say what a string is only by a pattern. */
const [base64Texts, plainText] = [['', 'AAEC', '+/8=', 'AA=='], '*no base64*']

/** Whether a field is bytes: on the wire a string in base64. */
export function isBytes(field: JsonSchema, root: JsonSchema): boolean {
  const { type, format, contentEncoding, pattern } = resolve(field, root)
  if (type !== 'string') return false
  if (contentEncoding === 'base64' || format === 'base64' || format === 'byte') return true
  if (typeof pattern !== 'string') return false
  const rule = new RegExp(pattern)
  return base64Texts.every(text => rule.test(text)) && !rule.test(plainText)
}

/** The schema that a reference leads to; any other as it is. */
export function resolve(schema: JsonSchema, root: JsonSchema): JsonSchema {
  let current = schema
  for (let depth = 0; depth < 32; depth++) {
    const ref = current['$ref']
    if (typeof ref !== 'string' || !ref.startsWith('#')) return current
    const parts = ref
      .slice(1)
      .split('/')
      .filter(part => part !== '')
    let found: unknown = root
    for (const part of parts)
      found = asSchema(found)[decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')]
    current = asSchema(found)
  }
  throw new TypeError('the schema refers to itself without end')
}

function asSchema(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null ? (value as JsonSchema) : {} // any object can be read as one
}

function list(value: unknown): JsonSchema[]
function list(value: unknown, scalar: true): unknown[]
function list(value: unknown, scalar?: true): unknown[] {
  if (Array.isArray(value)) return value
  return scalar === true && value !== undefined ? [value] : []
}
