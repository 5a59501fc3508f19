// Any form of a message to a message: as `create` takes it, as ProtoJSON has it, or as the JSON of a message's object. One walk along
// the descriptor, since what is sent to us may be any of them, or nothing of the kind: a `$typeName` in it proves nothing.
import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  ScalarType,
} from '@bufbuild/protobuf'
import { toWire } from '../../json.js'

type Fields = Readonly<Record<string, unknown>>

const maxDepth = 64
const googles = 'google.protobuf.'

/** The message that a value means. Throws `TypeError`, naming the field, for one that means none. Fields that it does not know are dropped. */
export function toMessage(type: DescMessage, value: unknown, depth = 1): Message {
  if (depth > maxDepth) throw new TypeError(`nests over ${maxDepth} levels deep`)
  if (type.typeName.startsWith(googles) && hasOwnForm(type, value)) return fromJson(type, toWire(value) as JsonValue) // it says what is none
  if (!isObject(value)) throw new TypeError('is no object, as a message must be')
  const init: Record<string, unknown> = {}
  for (const field of type.fields) {
    const given = givenOf(field, value)
    if (given === undefined || (given === null && field.message?.typeName !== `${googles}Value`)) continue
    const taken = at(field.jsonName, () => takeField(field, given, depth))
    if (field.oneof === undefined) init[field.localName] = taken
    else init[field.oneof.localName] = { case: field.localName, value: taken }
  }
  return create(type, init)
}

/** Google's types are text, numbers or any JSON in ProtoJSON; a Value could be taken for a struct, and is one only without its own name. */
function hasOwnForm({ typeName }: DescMessage, value: unknown): boolean {
  const isAny = ['Value', 'ListValue', 'Struct', 'Any'].includes(typeName.slice(googles.length))
  return isAny ? !isObject(value) || value['$typeName'] !== typeName : !isObject(value)
}

/** A field's value under any of its names; of a oneof, as `create` takes it, too. */
function givenOf({ localName, jsonName, name, oneof }: DescField, value: Fields): unknown {
  const choice = oneof === undefined ? undefined : own(value, oneof.localName)
  if (isObject(choice) && choice['case'] === localName) return choice['value']
  return own(value, jsonName) ?? own(value, localName) ?? own(value, name)
}

function own(value: Fields, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined
}

function takeField(field: DescField, given: unknown, depth: number): unknown {
  switch (field.fieldKind) {
    case 'list':
      if (!Array.isArray(given)) throw new TypeError('is no list')
      return given.map((each, index) => at(index, () => takeOne(field, field.listKind, each, depth)))
    case 'map': {
      if (!isObject(given)) throw new TypeError('is no object')
      const entries = Object.entries(given)
      if (Object.hasOwn(given, '__proto__')) throw new TypeError('has a key with a forbidden name')
      return Object.fromEntries(
        entries.map(([key, each]) => [key, at(key, () => takeOne(field, field.mapKind, each, depth))]),
      )
    }
    default:
      return takeOne(field, field.fieldKind, given, depth)
  }
}

function takeOne(field: DescField, kind: 'message' | 'enum' | 'scalar', given: unknown, depth: number): unknown {
  const { message, enum: names, scalar } = field
  if (kind === 'message' && message !== undefined) {
    const isOwn = message.typeName.startsWith(googles) && hasOwnForm(message, given)
    return isOwn ? takeOwnForm(field, toWire(given) as JsonValue) : toMessage(message, given, depth + 1)
  }
  if (kind === 'enum' && names !== undefined) return takeEnum(names, given)
  return takeScalar(scalar ?? ScalarType.STRING, given)
}

/** What the library makes of a field's JSON: some of Google's types are no messages in a field, but what they hold. */
function takeOwnForm(field: DescField, json: JsonValue): unknown {
  const { parent, jsonName, localName, oneof, fieldKind } = field
  const key = fieldKind === 'map' && field.mapKey === ScalarType.BOOL ? 'true' : '1'
  const whole = { list: [json], map: { [key]: json } }[fieldKind as string] ?? json
  const made: Message = fromJson(parent, { [jsonName]: whole })
  const taken: unknown = Reflect.get(made, oneof?.localName ?? localName)
  if (oneof !== undefined) return Reflect.get(Object(taken), 'value')
  return fieldKind === 'list' || fieldKind === 'map' ? Object.values(Object(taken))[0] : taken
}

function takeEnum({ values, typeName }: DescEnum, given: unknown): number {
  if (given === null && typeName === `${googles}NullValue`) return 0
  const number = typeof given === 'string' ? values.find(({ name }) => name === given)?.number : given
  if (typeof number === 'number' && Number.isInteger(number)) return number
  throw new TypeError(`is none of ${values.map(({ name }) => name).join(', ')}`)
}

const names: ReadonlyMap<unknown, number> = new Map([Number.NaN, Infinity, -Infinity].map(each => [String(each), each]))
const decimal = /^-?\d{1,20}$/
const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/

function takeScalar(type: ScalarType, given: unknown): unknown {
  switch (type) {
    case ScalarType.STRING:
      return typeof given === 'string' ? given : wrong(given, 'text')
    case ScalarType.BOOL:
      return typeof given === 'boolean' ? given : wrong(given, 'true or false')
    case ScalarType.BYTES:
      return takeBytes(given)
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return typeof given === 'number' ? given : (names.get(given) ?? wrong(given, 'a number'))
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return takeBigint(given)
    default:
      return typeof given === 'number' && Number.isInteger(given) ? given : wrong(given, 'an integer')
  }
}

function takeBytes(given: unknown): Uint8Array {
  if (given instanceof Uint8Array) return given
  if (typeof given === 'string' && base64.test(given)) return new Uint8Array(Buffer.from(given, 'base64'))
  return wrong(given, 'bytes, or text in base64')
}

function takeBigint(given: unknown): bigint {
  if (typeof given === 'bigint') return given
  if (typeof given === 'number' && Number.isSafeInteger(given)) return BigInt(given)
  return typeof given === 'string' && decimal.test(given) ? BigInt(given) : wrong(given, 'a bigint, or decimal text')
}

function wrong(given: unknown, type: string): never {
  throw new TypeError(`is ${given === null ? 'null' : `a ${typeof given}`}, and must be ${type}`)
}

/** Says where, from the outside in. */
function at<T>(key: string | number, take: () => T): T {
  try {
    return take()
  } catch (thrown) {
    const text = thrown instanceof Error ? thrown.message : String(thrown)
    const step = typeof key === 'number' ? `[${key}]` : key
    const path = /^([\w[\].]+): (.*)$/s.exec(text)
    if (path === null) throw new TypeError(`${step}: ${text}`)
    throw new TypeError(`${step}${path[1]?.startsWith('[') ? '' : '.'}${path[1]}: ${path[2]}`)
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
