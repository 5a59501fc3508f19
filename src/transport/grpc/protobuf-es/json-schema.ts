// The JSON Schema of a message's ProtoJSON: what paths, queries and OpenAPI are made of.
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import type { JsonSchema } from '../../../contract/index.js'

/** The schema of a message, with those inside it in `$defs`. No field is required, as none is in proto3. */
export function jsonSchemaOf(type: DescMessage): JsonSchema {
  const defs = new Map<string, JsonSchema>()
  const { $ref } = messageSchema(type, defs)
  const own = defs.get(type.typeName) ?? { type: 'object' }
  defs.delete(type.typeName)
  const rest = Object.fromEntries([...defs, ...($ref === undefined ? [] : [[type.typeName, own] as const])])
  return { ...own, $defs: rest }
}

/** Google's own types, which have a form of their own in JSON. */
const wellKnown: Readonly<Record<string, JsonSchema>> = {
  Timestamp: { type: 'string', format: 'date-time' },
  Duration: { type: 'string' },
  FieldMask: { type: 'string' },
  Struct: { type: 'object', additionalProperties: {} },
  Value: {},
  ListValue: { type: 'array', items: {} },
  Any: { type: 'object', additionalProperties: {} },
  Empty: { type: 'object' },
  BoolValue: { type: 'boolean' },
  StringValue: { type: 'string' },
  BytesValue: { type: 'string', contentEncoding: 'base64' },
  Int32Value: { type: 'integer' },
  UInt32Value: { type: 'integer' },
  Int64Value: { type: 'string', format: 'int64' },
  UInt64Value: { type: 'string', format: 'uint64' },
  FloatValue: { type: 'number' },
  DoubleValue: { type: 'number' },
}
const googles = 'google.protobuf.'

function messageSchema(type: DescMessage, defs: Map<string, JsonSchema>): JsonSchema {
  const { typeName } = type
  const known = typeName.startsWith(googles) ? wellKnown[typeName.slice(googles.length)] : undefined
  if (known !== undefined) return known
  if (!defs.has(typeName)) {
    defs.set(typeName, {}) // before its fields are looked at: they may lead back
    const properties = type.fields.map(field => [field.jsonName, fieldSchema(field, defs)] as const)
    defs.set(typeName, { type: 'object', properties: Object.fromEntries(properties) })
  }
  return { $ref: `#/$defs/${typeName}` }
}

function fieldSchema(field: DescField, defs: Map<string, JsonSchema>): JsonSchema {
  switch (field.fieldKind) {
    case 'list':
      return { type: 'array', items: singleSchema(field.listKind, field, defs) }
    case 'map':
      return { type: 'object', additionalProperties: singleSchema(field.mapKind, field, defs) }
    default:
      return singleSchema(field.fieldKind, field, defs)
  }
}

function singleSchema(
  kind: 'scalar' | 'enum' | 'message',
  { scalar, enum: names, message }: Pick<DescField, 'scalar' | 'enum' | 'message'>,
  defs: Map<string, JsonSchema>,
): JsonSchema {
  if (kind === 'message') return message === undefined ? {} : messageSchema(message, defs)
  if (kind === 'enum')
    return { type: ['string', 'integer'], ...(names?.typeName === `${googles}NullValue` && { type: 'null' }) }
  return scalar === undefined ? {} : scalarSchema(scalar)
}

function scalarSchema(scalar: ScalarType): JsonSchema {
  switch (scalar) {
    case ScalarType.STRING:
      return { type: 'string' }
    case ScalarType.BOOL:
      return { type: 'boolean' }
    case ScalarType.BYTES:
      return { type: 'string', contentEncoding: 'base64' }
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { type: 'number' }
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { type: 'string', format: 'int64' }
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { type: 'string', format: 'uint64' }
    default:
      return { type: 'integer' }
  }
}
