// Reads the JSON Schema of a schema's input, whatever library it is from. Dates, bigints and bytes travel as strings
// (ProtoJSON), so they are given as such; what JSON cannot carry at all is refused, by the name of the field.
import type { StandardJSONSchemaV1 } from '@standard-schema/spec'
import type { Schema } from './schema.js'

/** A JSON Schema, draft 2020-12. */
export interface JsonSchema {
  readonly [keyword: string]: unknown
}

/** Converts a schema that offers no JSON Schema itself: `toJsonSchema` of `@valibot/to-json-schema` fits. */
export type ToJsonSchema = (schema: never, options: never) => object

const target = 'draft-2020-12'
const date: JsonSchema = { type: 'string', format: 'date-time' }
const bigint: JsonSchema = { type: 'string', format: 'int64' }
const marker = 'x-unrepresentable'

/**
 * The JSON Schema of what may be sent for `schema`; undefined where the library offers none and no converter is given.
 * Throws `TypeError`, naming the field, for what JSON cannot carry.
 */
export function jsonSchemaOf(schema: Schema, where: string, convert?: ToJsonSchema): JsonSchema | undefined {
  const read = reader(schema, convert)
  if (read === undefined) return undefined
  let raw: unknown
  try {
    raw = read()
  } catch (thrown) {
    throw new TypeError(
      `${where}: the schema has no JSON form: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      {
        cause: thrown,
      },
    )
  }
  const { $schema: _, ...rest } = withoutUnrepresentable(raw, where, '') as JsonSchema // a JSON Schema is an object
  return rest
}

function reader(schema: Schema, convert: ToJsonSchema | undefined): (() => unknown) | undefined {
  const standard = schema['~standard']
  if (hasJsonSchema(schema)) {
    const libraryOptions = standard.vendor === 'zod' ? zodOptions : standard.vendor === 'arktype' ? arktypeOptions : {}
    return () => schema['~standard'].jsonSchema.input({ target, libraryOptions })
  }
  if (convert === undefined) return undefined
  const convertAny = convert as (schema: unknown, options: unknown) => object // the user paired schema and converter
  return () => convertAny(schema, valibotOptions)
}

function hasJsonSchema(schema: object): schema is StandardJSONSchemaV1 {
  const standard: unknown = Reflect.get(schema, '~standard')
  return typeof standard === 'object' && standard !== null && 'jsonSchema' in standard
}

const unrepresentable = new Set([
  'symbol',
  'undefined',
  'void',
  'map',
  'set',
  'nan',
  'function',
  'custom',
  'promise',
  'file',
])

const zodOptions: Record<string, unknown> = {
  unrepresentable: 'any',
  override({
    zodSchema,
    jsonSchema,
  }: {
    zodSchema: { _zod: { def: { type: string } } }
    jsonSchema: Record<string, unknown>
  }) {
    const { type } = zodSchema._zod.def
    if (type === 'date') Object.assign(jsonSchema, date)
    else if (type === 'bigint') Object.assign(jsonSchema, bigint)
    else if (unrepresentable.has(type)) jsonSchema[marker] = type
  },
}

const arktypeOptions: Record<string, unknown> = {
  fallback({ code, base, domain }: { code: string; base: object; domain?: string }) {
    if (code === 'date') return { ...base, ...date }
    if (code === 'domain' && domain === 'bigint') return { ...base, ...bigint }
    if (code === 'predicate' || code === 'morph' || code === 'defaultValue') return base
    return { ...base, [marker]: domain ?? code }
  },
}

const valibotOptions: Record<string, unknown> = {
  typeMode: 'input',
  target,
  errorMode: 'ignore',
  overrideSchema({ valibotSchema, jsonSchema }: { valibotSchema: { type: string }; jsonSchema: object }) {
    const { type } = valibotSchema
    if (type === 'date') return date
    if (type === 'bigint') return bigint
    return unrepresentable.has(type) || type === 'instance' || type === 'blob'
      ? { ...jsonSchema, [marker]: type }
      : undefined
  },
}

type Walk = (value: unknown, where: string, path: string) => unknown

/** Drops alternatives that JSON cannot carry where another is left, and refuses the rest. */
const withoutUnrepresentable: Walk = (node, where, path) => {
  if (!isObject(node)) return node
  if (marker in node) {
    const name = path === '' ? 'the message itself' : `the field '${path}'`
    throw new TypeError(`${where}: ${name} (${String(node[marker])}) cannot be represented in JSON`)
  }
  // Only these keywords have schemas in them; a field may have the name of a keyword, and a default its shape.
  const copy = Object.entries(node).map(([key, value]) => [key, walks.get(key)?.(value, where, path) ?? value])
  return unwrapped(Object.fromEntries(copy))
}

const inMap =
  (pathOf: (path: string, name: string) => string): Walk =>
  (map, where, path) => {
    if (!isObject(map)) return map
    const copy = Object.entries(map).map(([name, each]) => [
      name,
      withoutUnrepresentable(each, where, pathOf(path, name)),
    ])
    return Object.fromEntries(copy)
  }

const inList =
  (pathOf: (path: string, index: number) => string): Walk =>
  (list, where, path) =>
    Array.isArray(list) ? list.map((each, i) => withoutUnrepresentable(each, where, pathOf(path, i))) : list

const alternatives: Walk = (value, where, path) => {
  const all: unknown[] = Array.isArray(value) ? value : []
  const carried = all.filter(each => !(isObject(each) && marker in each))
  return (carried.length > 0 ? carried : all).map(each => withoutUnrepresentable(each, where, path))
}

function joined(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

const walks: ReadonlyMap<string, Walk> = new Map<string, Walk>([
  ['properties', inMap(joined)],
  ['$defs', inMap((_, name) => name)],
  ['patternProperties', inMap(joined)],
  ['additionalProperties', (node, where, path) => withoutUnrepresentable(node, where, joined(path, '*'))],
  ['items', (node, where, path) => withoutUnrepresentable(node, where, `${path}[]`)],
  ['prefixItems', inList((path, index) => `${path}[${index}]`)],
  ['allOf', inList(path => path)],
  ['anyOf', alternatives],
  ['oneOf', alternatives],
])

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `{ anyOf: [x] }` means x. */
function unwrapped(schema: Record<string, unknown>): JsonSchema {
  const { anyOf, ...others } = schema
  if (!Array.isArray(anyOf)) return schema
  const [first, ...more] = withoutStandIns(anyOf)
  return more.length === 0 ? { ...first, ...others } : { ...others, anyOf: [first, ...more] }
}

/**
 * A value and its text form give two alternatives that are one on the wire: a date stands there as a string of its format, and
 * so does its text. The second knows more (a pattern), the first knows the format.
 */
function withoutStandIns(alternatives: readonly JsonSchema[]): readonly JsonSchema[] {
  const texts = alternatives.filter(each => each['type'] === 'string' && !('enum' in each) && !('const' in each))
  const formats = new Set(texts.flatMap(({ format }) => (format === undefined ? [] : [format])))
  if (texts.length < 2 || formats.size > 1 || !texts.some(isStandIn)) return alternatives
  return [Object.assign({}, ...texts), ...alternatives.filter(each => !texts.includes(each))]
}

function isStandIn(schema: JsonSchema): boolean {
  const { format } = schema
  return Object.keys(schema).length === 2 && (format === date['format'] || format === bigint['format'])
}
