// Which type of proto3 a JSON Schema is: the narrowest that holds every value of it, and `google.protobuf.Value`, which holds any
// JSON, where there is none. What strings mean (a time, bytes, a 64-bit integer) is read as everywhere else in a contract.
import { isBytes } from './fields.js'
import type { JsonSchema } from './json-schema.js'
import type { ProtoScalar } from './proto-file.js'
import { isSchema, propertiesOf, type SchemaParts, toSchema } from './schema-parts.js'

/** A schema, as proto sees it. */
export interface ProtoKind {
  /** `object`: fields by name, those of all its alternatives. `map`: values by any key. */
  readonly kind: ProtoScalar | 'object' | 'list' | 'map'
  /** Whether it may be null as well. */
  readonly nullable: boolean
  /** The alternatives of an object or a list; a map's one schema of its values. */
  readonly of: readonly JsonSchema[]
}

const any: ProtoKind = { kind: 'google.protobuf.Value', nullable: false, of: [] }

/** What a schema is. */
export function kindOf(schema: JsonSchema, root: JsonSchema, parts: SchemaParts): ProtoKind {
  const cases = parts.cases(schema)
  const kinds = cases.flatMap(each => kindsOf(each, root))
  const nullable = kinds.includes('null')
  const found = new Set(kinds.filter(kind => kind !== 'null'))
  const kind = nullable && found.size === 0 ? any.kind : oneOf(found)
  if (kind === any.kind || isScalar(kind)) return { kind, nullable, of: [] }
  const alternatives = cases.filter(each => !isNull(each))
  if (kind !== 'map') return { kind, nullable, of: alternatives }
  const [values, ...others] = alternatives.map(valuesOf)
  return values === undefined || others.length > 0 ? { ...any, nullable } : { kind, nullable, of: [values] }
}

function isScalar(kind: ProtoKind['kind']): boolean {
  return kind !== 'object' && kind !== 'list' && kind !== 'map'
}

function isNull(schema: JsonSchema): boolean {
  return schema['type'] === 'null' || schema['const'] === null
}

type Kind = ProtoKind['kind'] | 'null'

/** The one kind that holds all of these. */
function oneOf(kinds: ReadonlySet<Kind>): ProtoKind['kind'] {
  const [first, ...others] = kinds
  if (first === undefined || first === 'null') return any.kind
  if (others.length === 0) return first
  const all = [...kinds]
  if (all.every(kind => texts.has(kind))) return 'string'
  if (!all.every(kind => numbers.has(kind))) return any.kind
  return kinds.has('double') ? 'double' : 'integer'
}

const texts: ReadonlySet<Kind> = new Set<Kind>(['string', 'bytes', 'int64', 'uint64', 'google.protobuf.Timestamp'])
const numbers: ReadonlySet<Kind> = new Set<Kind>(['double', 'integer', 'int32', 'uint32'])

function kindsOf(schema: JsonSchema, root: JsonSchema): readonly Kind[] {
  if ('const' in schema) return [kindOfValue(schema['const'])]
  if (Array.isArray(schema['enum'])) return schema['enum'].map(kindOfValue)
  switch (schema['type']) {
    case 'string':
      return [kindOfText(schema, root)]
    case 'integer':
      return [kindOfInteger(schema)]
    case 'number':
      return ['double']
    case 'boolean':
      return ['bool']
    case 'null':
      return ['null']
    case 'array':
      return ['list']
    case 'object':
      return [kindOfObject(schema)]
    default:
      return [any.kind]
  }
}

function kindOfValue(value: unknown): Kind {
  if (value === null) return 'null'
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'integer' : 'double'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'string' ? 'string' : any.kind
}

function kindOfText(schema: JsonSchema, root: JsonSchema): Kind {
  const { format } = schema
  if (format === 'date-time') return 'google.protobuf.Timestamp'
  if (format === 'int64' || format === 'uint64') return format
  return isBytes(schema, root) ? 'bytes' : 'string'
}

/** Only these very bounds: otherwise a changed bound would change the type. */
function kindOfInteger({ minimum, maximum }: JsonSchema): Kind {
  if (minimum === -(2 ** 31) && maximum === 2 ** 31 - 1) return 'int32'
  return minimum === 0 && maximum === 2 ** 32 - 1 ? 'uint32' : 'integer'
}

function kindOfObject(schema: JsonSchema): Kind {
  const { additionalProperties: others, patternProperties } = schema
  const hasOthers = others === true || isSchema(others) || patternProperties !== undefined
  const hasOwn = Object.keys(propertiesOf(schema)).length > 0
  if (hasOwn) return hasOthers ? any.kind : 'object'
  if (hasOthers) return 'map'
  return isSchema(schema['properties']) || others === false ? 'object' : any.kind
}

function valuesOf({ additionalProperties, patternProperties }: JsonSchema): JsonSchema {
  return patternProperties === undefined ? toSchema(additionalProperties) : {}
}
