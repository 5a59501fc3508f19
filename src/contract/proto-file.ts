// What a .proto says of a contract, as data: messages with numbered fields, and the methods that take and give them. The text, the
// lock and the codec are each made from this, so that they cannot disagree.

/** A type without fields of its own: as proto3 calls it, or, where JSON has one type for two of proto's, as values are written. */
export type ProtoScalar =
  | 'string'
  | 'bool'
  | 'bytes'
  | 'double'
  | 'int32'
  | 'uint32'
  /** An int64 whose values are numbers. */
  | 'integer'
  /** An int64 whose values are bigints or decimal text. */
  | 'int64'
  | 'uint64'
  | 'google.protobuf.Timestamp'
  /** Any JSON. */
  | 'google.protobuf.Value'

/** One field of a message. */
export interface ProtoField {
  /** Its name in JSON, and in values. */
  readonly property: string
  /** Its name in the .proto, in snake_case. */
  readonly name: string
  readonly number: number
  readonly type: ProtoScalar | ProtoMessage
  /** A map has keys of text. */
  readonly cardinality: 'one' | 'list' | 'map'
  /**
   * What it means that the field is not there: of a required one that it has proto3's default (messages have none, and are absent); of
   * an optional one that it is absent; of a nullable one that it is null.
   */
  readonly presence: 'required' | 'optional' | 'nullable'
  /** For people. */
  readonly description?: string
}

/** A message type. Compared by identity: a recursive one contains itself. */
export interface ProtoMessage {
  /** In full: `shop.v1.OrdersGetRequest.Line`. */
  readonly name: string
  readonly fields: readonly ProtoField[]
  /** Those declared inside it. */
  readonly nested: readonly ProtoMessage[]
  /** Fields that it had: neither number nor name is ever used again. */
  readonly reserved: readonly { readonly number: number; readonly name?: string }[]
}

/** What a method takes or gives: a message of its own, or, where its fields are not known, any JSON object. */
export type ProtoBody = ProtoMessage | 'google.protobuf.Struct'

/** One method. */
export interface ProtoMethod {
  /** `Get` */
  readonly name: string
  readonly request: ProtoBody
  readonly response: ProtoBody
  readonly requestStreamed: boolean
  readonly responseStreamed: boolean
  /** The details of the declared failures, by tag. */
  readonly failures: ReadonlyMap<string, ProtoBody>
}

/** The words for a field's type, as the text and the lock have them: `map<string, int64>`. */
export function typeText({ type, cardinality, presence }: ProtoField): string {
  const name = typeName(type)
  if (cardinality === 'map') return `map<string, ${name}>`
  if (cardinality === 'list') return `repeated ${name}`
  return presence === 'required' ? name : `optional ${name}`
}

/** A type's name in a .proto, in full. */
export function typeName(type: ProtoScalar | ProtoBody): string {
  if (typeof type === 'object') return type.name
  return type === 'integer' ? 'int64' : type
}
