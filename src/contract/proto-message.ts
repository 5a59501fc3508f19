// A message type of a JSON Schema. Objects inside it become types inside its own, so that a message depends on nothing but its schema,
// its name and its numbers: both sides of a call make the same of it, without having seen the other methods.
import { resolve } from './fields.js'
import type { JsonSchema } from './json-schema.js'
import type { ProtoBody, ProtoField, ProtoMessage, ProtoScalar } from './proto-file.js'
import { kindOf, type ProtoKind } from './proto-kind.js'
import { defaultJsonName, pascalCase, snakeCase } from './proto-names.js'
import { propertiesOf, requiredOf, SchemaParts } from './schema-parts.js'

/** Which numbers a message's fields have. */
export interface ProtoNumbers {
  /** Numbers for the fields, in their order; throws `TypeError` where it has none to give. */
  number(message: string, fields: readonly Omit<ProtoField, 'number'>[]): readonly number[]
  /** Asked after `number`, of the same message. */
  reserved(message: string): ProtoMessage['reserved']
}

/** Numbers in the order of declaration. */
export const inOrder: ProtoNumbers = {
  number: (_, fields) => fields.map((_, index) => index + 1),
  reserved: () => [],
}

/**
 * The message type of a schema; `google.protobuf.Struct`, which holds any object, where the schema does not say which fields there are.
 * Throws `TypeError`, naming the field, where two fields would have one name.
 */
export function protoBody(name: string, schema: JsonSchema | undefined, numbers: ProtoNumbers): ProtoBody {
  if (schema === undefined) return 'google.protobuf.Struct'
  const reader = new Reader(schema, name, numbers)
  return reader.body()
}

/** While its fields are being read: they may lead back to it. */
interface Unfinished extends ProtoMessage {
  readonly fields: ProtoField[]
  readonly nested: Unfinished[]
  readonly reserved: ProtoMessage['reserved'][number][]
}

type Unnumbered = Omit<ProtoField, 'number'>

class Reader {
  readonly #root: JsonSchema
  readonly #name: string
  readonly #numbers: ProtoNumbers
  readonly #parts: SchemaParts
  /** By the alternatives that they hold: a recursive schema comes back to these, whatever leads there. */
  readonly #messages: Map<string, Unfinished> = new Map()
  readonly #ids: Map<JsonSchema, number> = new Map()
  #top: Unfinished | undefined

  constructor(root: JsonSchema, name: string, numbers: ProtoNumbers) {
    this.#root = root
    this.#name = name
    this.#numbers = numbers
    this.#parts = new SchemaParts(ref => (ref.startsWith('#') ? resolve({ $ref: ref }, root) : undefined))
  }

  body(): ProtoBody {
    const { kind, nullable, of } = kindOf(this.#root, this.#root, this.#parts)
    if (kind !== 'object' || nullable) return 'google.protobuf.Struct'
    this.#top = this.#declare(this.#name, of)
    this.#fill(this.#top, of)
    return this.#top
  }

  #declare(name: string, alternatives: readonly JsonSchema[]): Unfinished {
    const message: Unfinished = { name, fields: [], nested: [], reserved: [] }
    this.#messages.set(this.#key(alternatives), message)
    return message
  }

  #key(alternatives: readonly JsonSchema[]): string {
    const ids = alternatives.map(each => {
      const id = this.#ids.get(each) ?? this.#ids.size
      this.#ids.set(each, id)
      return id
    })
    return [...new Set(ids)].sort((a, b) => a - b).join()
  }

  #fill(message: Unfinished, alternatives: readonly JsonSchema[]): void {
    const fields = this.#fieldsOf(message, alternatives)
    checkNames(message.name, fields)
    const numbers = this.#numbers.number(message.name, fields)
    message.reserved.push(...this.#numbers.reserved(message.name)) // known once what is left has its numbers
    message.fields.push(...fields.map((field, index) => ({ ...field, number: numbers[index] ?? 0 })))
  }

  /** Those of all alternatives; one that is not in each of them is optional. */
  #fieldsOf(message: Unfinished, alternatives: readonly JsonSchema[]): readonly Unnumbered[] {
    const byName = new Map<string, JsonSchema[]>()
    for (const each of alternatives) {
      for (const [property, schema] of Object.entries(propertiesOf(each)))
        byName.set(property, [...(byName.get(property) ?? []), schema])
    }
    return [...byName].map(([property, schemas]) => {
      const [first = {}, ...others] = schemas
      const schema = others.length === 0 ? first : { anyOf: schemas }
      const isRequired = alternatives.every(each => requiredOf(each).has(property))
      return this.#field(message, { property, schema, isRequired })
    })
  }

  #field(message: Unfinished, { property, schema, isRequired }: Declared): Unnumbered {
    const name = snakeCase(property)
    if (name === '' || property === '__proto__')
      throw new TypeError(`${message.name}: '${property}' cannot be the name of a field`)
    const kind = kindOf(schema, this.#root, this.#parts)
    const { description } = this.#parts.resolve(schema)
    const rest = { property, name, ...(typeof description === 'string' && { description }) }
    const presence = isRequired ? 'required' : 'optional'
    const any = { ...rest, type: 'google.protobuf.Value', cardinality: 'one', presence } as const
    if (kind.kind === 'list' || kind.kind === 'map') {
      // A list that is empty is not on the wire, and where that means something else than no list, only a Value can tell them apart.
      if (kind.nullable || (!isRequired && hasDefault(this.#parts.resolve(schema)))) return any
      return { ...rest, type: this.#itemType(message, property, kind), cardinality: kind.kind, presence }
    }
    if (kind.kind === any.type || (kind.nullable && !isRequired)) return any
    const type = this.#type(message, property, { ...kind, schema })
    return { ...rest, type, cardinality: 'one', presence: kind.nullable ? 'nullable' : presence }
  }

  #itemType(message: Unfinished, property: string, { kind, of }: ProtoKind): ProtoScalar | ProtoMessage {
    const items = kind === 'map' ? of : of.map(itemsOf).filter(each => each !== undefined)
    const [first, ...others] = items
    if (first === undefined || items.length < of.length) return 'google.protobuf.Value'
    const schema = others.length === 0 ? first : { anyOf: items }
    const item = kindOf(schema, this.#root, this.#parts)
    if (item.nullable || item.kind === 'list' || item.kind === 'map') return 'google.protobuf.Value'
    return this.#type(message, property, { ...item, schema })
  }

  #type(message: Unfinished, property: string, { kind, of, schema }: Typed): ProtoScalar | ProtoMessage {
    if (kind === 'list' || kind === 'map') return 'google.protobuf.Value'
    if (kind !== 'object') return kind
    const known = this.#messages.get(this.#key(of))
    if (known !== undefined) return known
    const outer = this.#outer(schema) ?? message
    const inner = this.#declare(freeName(outer, this.#outer(schema) ? refName(schema) : property), of)
    outer.nested.push(inner)
    this.#fill(inner, of)
    return inner
  }

  /** Where a type is declared that its schema gives a name of its own. */
  #outer(schema: JsonSchema): Unfinished | undefined {
    return /^[A-Za-z]/.test(refName(schema)) ? this.#top : undefined
  }
}

interface Declared {
  readonly property: string
  readonly schema: JsonSchema
  readonly isRequired: boolean
}

interface Typed extends ProtoKind {
  readonly schema: JsonSchema
}

function itemsOf({ items, prefixItems }: JsonSchema): JsonSchema | undefined {
  const isOne = typeof items === 'object' && items !== null && !Array.isArray(items) && prefixItems === undefined
  return isOne ? (items as JsonSchema) : undefined // an object, as just seen
}

function hasDefault(schema: JsonSchema): boolean {
  const { default: given } = schema
  return typeof given === 'object' && given !== null && Object.keys(given).length > 0
}

/** The name in `$defs`; libraries number those that their user gave none. */
function refName({ $ref }: JsonSchema): string {
  return typeof $ref === 'string' && $ref.startsWith('#/$defs/') ? $ref.slice('#/$defs/'.length) : ''
}

function freeName(outer: ProtoMessage, wanted: string): string {
  const base = `${outer.name}.${pascalCase(wanted)}`
  const taken = new Set(outer.nested.map(({ name }) => name))
  let name = base
  for (let n = 2; taken.has(name); n++) name = `${base}${n}`
  return name
}

/** Whether each language can tell the fields apart: by their names, and by the names in JSON that protoc would give them. */
function checkNames(message: string, fields: readonly Unnumbered[]): void {
  const taken = new Map<string, string>()
  for (const { name, property } of fields) {
    const other = taken.get(defaultJsonName(name))
    if (other !== undefined) throw new TypeError(`${message}: '${other}' and '${property}' would be one field, ${name}`)
    taken.set(defaultJsonName(name), property)
  }
}
