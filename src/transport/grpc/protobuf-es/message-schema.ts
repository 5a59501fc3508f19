// A message of protobuf-es as a schema, and as a codec. What is taken are messages, what `create` takes, and ProtoJSON, so that it does
// not matter by which transport they came; what is given is always a message, held to the .proto.
import {
  type DescMessage,
  fromBinary,
  isMessage,
  type JsonValue,
  type Message,
  type MessageInitShape,
  type MessageJsonType,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { CallError, failureOf } from '../../../core/index.js'
import type { MessageCodec } from '../message-codec.js'
import { jsonSchemaOf } from './json-schema.js'
import { toMessage } from './to-message.js'

/** What may be sent as a message: one, what `create` takes, or its ProtoJSON, where the code was generated with `json_types=true`. */
export type MessageInput<D extends DescMessage> =
  | MessageInitShape<D>
  | (JsonValue extends MessageJsonType<D> ? never : MessageJsonType<D>)

/** The schema of a message. */
export type MessageSchema<D extends DescMessage> = StandardSchemaV1<MessageInput<D>, MessageShape<D>>

/** Messages that the library has read: what only says that it is one is looked at. */
const read = new WeakSet<object>()

/** The schema of a message type. */
export function messageSchema<D extends DescMessage>(type: D): MessageSchema<D> {
  const validate = (value: unknown): StandardSchemaV1.Result<Message> => {
    if (isMessage(value, type) && read.has(value)) return { value }
    try {
      const message = toMessage(type, value)
      toBinary<DescMessage>(type, message) // which looks at ranges
      return { value: message }
    } catch (thrown) {
      return { issues: [{ message: textOf(thrown) }] }
    }
  }
  const json = jsonSchemaOf(type)
  const jsonSchema = { input: () => ({ ...json }), output: () => ({ ...json }) }
  const standard: StandardSchemaV1.Props & StandardJSONSchemaV1.Props = {
    version: 1,
    vendor: 'tenon',
    validate,
    jsonSchema,
  }
  return { '~standard': standard } as MessageSchema<D> // it validates to the message of the type
}

/** The codec of a message type: the library's own. */
export function messageCodecOf(type: DescMessage): MessageCodec {
  return {
    typeName: type.typeName,
    encode(value) {
      try {
        return toBinary(type, isMessage(value, type) && read.has(value) ? value : toMessage(type, value))
      } catch (thrown) {
        throw new CallError<never>(
          failureOf('internal', 'UNENCODABLE', `${type.typeName} cannot be written: ${textOf(thrown)}`),
        )
      }
    },
    decode(bytes) {
      try {
        // Not a Buffer, whose parts would be Buffers.
        const message = fromBinary(type, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
        read.add(message)
        return message
      } catch (thrown) {
        const text = `${type.typeName} cannot be read: ${textOf(thrown)}`
        throw new CallError<never>(failureOf('invalid_argument', 'MALFORMED_BODY', text))
      }
    },
  }
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
