// A contract's .proto as protoc would compile it: serialised google.protobuf.FileDescriptorProto, which reflection hands to tools such
// as grpcurl and buf curl. Field numbers are those of google/protobuf/descriptor.proto.
import {
  type ProtoBody,
  type ProtoField,
  type ProtoMessage,
  type ProtoMethod,
  type ProtoScalar,
  typeName,
} from '../../contract/proto-file.js'
import { packageOf } from '../../contract/proto-methods.js'
import { pascalCase } from '../../contract/proto-names.js'
import { importsOf, protoPath, shortName } from '../../contract/proto-text.js'
import { wellKnownFiles } from './well-known-files.js'
import { WireWriter } from './wire-writer.js'

/** The file of a service, after those that it imports. */
export function fileDescriptors(service: string, methods: readonly ProtoMethod[]): readonly Uint8Array[] {
  const bodies = methods.flatMap(({ request, response, failures }) => [request, response, ...failures.values()])
  const messages = new Map(bodies.filter(isMessage).map(message => [message.name, message]))
  const imports = importsOf([...messages.values()], bodies)
  const file = new Descriptor()
  file.text(1, protoPath(service))
  if (packageOf(service) !== '') file.text(2, packageOf(service))
  for (const path of imports) file.text(3, path)
  for (const message of messages.values()) file.part(4, part => writeMessage(part, message))
  file.part(6, part => writeService(part, service, methods))
  file.text(12, 'proto3')
  return [...imports.map(path => Buffer.from(wellKnownFiles[path] ?? '', 'base64')), file.finish()]
}

function isMessage(body: ProtoBody): body is ProtoMessage {
  return typeof body === 'object'
}

/** A message of descriptor.proto in the making. */
class Descriptor {
  readonly #writer: WireWriter

  constructor(writer: WireWriter = new WireWriter()) {
    this.#writer = writer
  }

  text(field: number, value: string): void {
    this.#writer.uint32((field << 3) | 2)
    this.#writer.text(value)
  }

  number(field: number, value: number): void {
    this.#writer.uint32(field << 3)
    this.#writer.uint32(value)
  }

  part(field: number, write: (part: Descriptor) => void): void {
    this.#writer.uint32((field << 3) | 2)
    const start = this.#writer.begin()
    write(this)
    this.#writer.end(start)
  }

  finish(): Uint8Array {
    return this.#writer.finish()
  }
}

function writeMessage(into: Descriptor, { name, fields, nested, reserved }: ProtoMessage): void {
  into.text(1, shortName(name))
  const withPresence = fields.filter(isOptional)
  for (const field of fields) into.part(2, part => writeField(part, name, field, withPresence.indexOf(field)))
  for (const inner of nested) into.part(3, part => writeMessage(part, inner))
  for (const field of fields) if (field.cardinality === 'map') into.part(3, part => writeEntry(part, field))
  for (const { name: field } of withPresence) into.part(8, part => part.text(1, `_${field}`))
  for (const { number } of reserved) {
    into.part(9, part => {
      part.number(1, number)
      part.number(2, number + 1) // exclusive
    })
  }
  for (const { name: field } of reserved) if (field !== undefined) into.text(10, field)
}

function isOptional({ cardinality, presence }: ProtoField): boolean {
  return cardinality === 'one' && presence !== 'required'
}

/** @param oneof - the index of the oneof that stands for a field's presence; -1 for none */
function writeField(into: Descriptor, message: string, field: ProtoField, oneof: number): void {
  const { name, number, type, cardinality, property } = field
  into.text(1, name)
  into.number(3, number)
  into.number(4, cardinality === 'one' ? 1 : 3)
  if (cardinality === 'map') {
    into.number(5, messageType)
    into.text(6, `.${message}.${entryName(name)}`)
  } else writeType(into, type)
  if (oneof >= 0) into.number(9, oneof)
  into.text(10, property)
  if (oneof >= 0) into.number(17, 1)
}

const messageType = 11
const types: Readonly<Record<ProtoScalar, number>> = {
  double: 1,
  integer: 3,
  int64: 3,
  uint64: 4,
  int32: 5,
  bool: 8,
  string: 9,
  'google.protobuf.Timestamp': messageType,
  'google.protobuf.Value': messageType,
  bytes: 12,
  uint32: 13,
}

function writeType(into: Descriptor, type: ProtoField['type']): void {
  const number = typeof type === 'object' ? messageType : types[type]
  into.number(5, number)
  if (number === messageType) into.text(6, `.${typeName(type)}`)
}

function writeEntry(into: Descriptor, { name, type }: ProtoField): void {
  into.text(1, entryName(name))
  into.part(2, key => {
    key.text(1, 'key')
    key.number(3, 1)
    key.number(4, 1)
    key.number(5, types.string)
  })
  into.part(2, value => {
    value.text(1, 'value')
    value.number(3, 2)
    value.number(4, 1)
    writeType(value, type)
  })
  into.part(7, options => options.number(7, 1))
}

/** The type of a map's entries, as protoc calls it. */
function entryName(field: string): string {
  return `${pascalCase(field)}Entry`
}

function writeService(into: Descriptor, service: string, methods: readonly ProtoMethod[]): void {
  into.text(1, shortName(service))
  for (const { name, request, response, requestStreamed, responseStreamed } of methods) {
    into.part(2, method => {
      method.text(1, name)
      method.text(2, `.${typeName(request)}`)
      method.text(3, `.${typeName(response)}`)
      if (requestStreamed) method.number(5, 1)
      if (responseStreamed) method.number(6, 1)
    })
  }
}
