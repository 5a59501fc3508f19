// A field that is a body by itself, as bytes rather than JSON: in the manner of google.api.HttpBody. On all other transports it is a
// field like any other, so what only HTTP would lose is refused when the contract is made.
import { fieldsOf, isBytes, requiredOf, textField } from './fields.js'
import type { JsonSchema } from './json-schema.js'
import type { RawBody } from './method.js'

/** A field that is a body, worked out. */
export interface RawField {
  readonly field: string
  /** The media type, or range of such, that the body has. */
  readonly type: string
  /** The field that holds the content type; undefined where nobody asks. */
  readonly typeField: string | undefined
}

interface Message {
  readonly streamed: boolean
  readonly jsonSchema: JsonSchema | undefined
  readonly name: 'request' | 'response'
  readonly option: 'body' | 'responseBody'
}

const anyType = '*/*'

/** What a body has that says nothing of its type. */
export const unknownType = 'application/octet-stream'

const typeRule = /^(?:\*\/\*|[\w.+-]+\/(?:\*|[\w.+-]+))$/

/** Works a raw body out. Throws `TypeError`, naming the field, for what cannot be one. */
export function rawField(where: string, given: string | RawBody, message: Message): RawField {
  const raw: RawBody = typeof given === 'string' ? { field: given } : given
  const { field, typeField, type = typeField === undefined ? unknownType : anyType } = raw
  const { jsonSchema: root, name, option } = message
  if (root === undefined) {
    throw new TypeError(
      `${where}: http.${option} needs the ${name}'s JSON Schema, which its library does not offer: give contract() a toJsonSchema`,
    )
  }
  const found = mistakeInField(field, root) ?? mistakeInType(type, raw, message) ?? mistakeInRest(raw, message, root)
  if (found !== undefined) throw new TypeError(`${where}: http.${option}: ${found}`)
  return { field, type: type.toLowerCase(), typeField }
}

function mistakeInField(field: string, root: JsonSchema): string | undefined {
  const schema = fieldsOf(root).get(field)
  if (schema === undefined) return `there is no field '${field}'`
  if (!isBytes(schema, root))
    return `the field '${field}' is no bytes: it has to take bytes and their text form, base64`
  if (!requiredOf(root).has(field)) return `the field '${field}' must be required: a body is always there, if empty`
  return undefined
}

function mistakeInType(type: string, { typeField }: RawBody, { name }: Message): string | undefined {
  if (!typeRule.test(type)) return `'${type}' is no media type like image/png or image/*`
  if (typeField !== undefined || !type.includes('*') || (name === 'request' && type === anyType)) return undefined
  return `'${type}' needs a typeField: nobody could say which type it is`
}

function mistakeInRest(
  { field, typeField }: RawBody,
  { streamed, name }: Message,
  root: JsonSchema,
): string | undefined {
  const fields = fieldsOf(root)
  if (typeField !== undefined) {
    const schema = fields.get(typeField) ?? { type: 'object' }
    const text = textField(schema, root)
    if (streamed || text === undefined || text.repeated || isBytes(schema, root))
      return `'${typeField}' cannot hold a content type: it must be a text, and the message no stream`
  }
  const lost = [...fields.keys()].find(each => each !== field && each !== typeField)
  if (lost === undefined || (name === 'request' && !streamed)) return undefined
  return `the field '${lost}' would be lost: there is only the body`
}

/** Whether a `Content-Type` is of a type, or in a range of types. */
export function isOfType(contentType: string | undefined, range: string): boolean {
  if (range === anyType) return true
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return range.endsWith('/*') ? type.startsWith(range.slice(0, -1)) : type === range
}
