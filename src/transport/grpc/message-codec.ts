// What gRPC needs to know of a contract: a path for each method, and how each message becomes bytes. It is read off the contract's
// schemas, with the numbers of a lock; a contract that was made from a .proto brings its own.
import type { ProtoBody } from '../../contract/proto-file.js'
import { lockedNumbers, type ProtoLock } from '../../contract/proto-lock.js'
import { inOrder, type ProtoNumbers } from '../../contract/proto-message.js'
import { protoFailures, protoMethod, protoMethods } from '../../contract/proto-methods.js'
import { protoFilesOf, protoMethodKey } from '../../contract/proto-source.js'
import type { MethodSpec } from '../../contract/spec.js'
import { CallError, failureOf } from '../../core/index.js'
import { fieldPath } from '../field-path.js'
import { toWire } from '../json.js'
import { fileDescriptors } from './file-descriptor.js'
import { readStruct, writeStruct } from './wire-json.js'
import { WireMessage } from './wire-message.js'
import { Malformed, WireReader } from './wire-reader.js'
import { Unfit } from './wire-scalar.js'
import { WireWriter } from './wire-writer.js'

/** One message type on the wire: values in a schema's input form (dates, bigints and bytes as run-time types or in their ProtoJSON form) and bytes. */
export interface MessageCodec {
  /** In full: `shop.v1.OrdersGetRequest`. */
  readonly typeName: string
  /** Throws `CallError` `internal`/`UNENCODABLE`, naming the field, for a value that has no place in the message. */
  encode(value: unknown): Uint8Array
  /** Throws `CallError` `invalid_argument`/`MALFORMED_BODY` for bytes that are no such message. */
  decode(bytes: Uint8Array): unknown
}

/** One method. */
export interface GrpcMethod {
  /** `/shop.v1.Orders/Get` */
  readonly path: string
  readonly request: MessageCodec
  readonly response: MessageCodec
  /** The details of declared failures, by tag. */
  readonly failures: ReadonlyMap<string, MessageCodec>
}

/** A service. */
export interface GrpcService {
  /** `shop.v1.Orders` */
  readonly name: string
  /** By the contract's names. */
  readonly methods: ReadonlyMap<string, GrpcMethod>
  /** Serialised `google.protobuf.FileDescriptorProto`s, for reflection: the service's own, and all that it imports. */
  readonly fileDescriptors: readonly Uint8Array[]
}

/** How a contract's messages are numbered. */
export interface GrpcServiceOptions {
  /** What `tenon proto` keeps: the numbers of fields. @defaultValue none: fields are numbered as they are declared */
  readonly lock?: ProtoLock
}

/** What the definition of a method that was made from a .proto keeps. */
export type BroughtMethod = Omit<GrpcMethod, 'failures'>

/**
 * A contract as gRPC sees it. Throws `TypeError`, saying where, for what has no place in a .proto, and for a field that the lock has
 * not, or has otherwise: then `tenon proto` has to be run again.
 */
export function grpcService(
  contract: { readonly name: string; readonly specs: ReadonlyMap<string, MethodSpec> },
  options: GrpcServiceOptions = {},
): GrpcService {
  const { name, specs } = contract
  const files = protoFilesOf(contract)
  const protos = files === undefined ? protoMethods(name, specs, numbersOf(options)) : new Map()
  const methods = [...specs].map(([key, spec]) => [key, grpcMethod(spec, options)] as const)
  return { name, methods: new Map(methods), fileDescriptors: files ?? fileDescriptors(name, [...protos.values()]) }
}

/** One method as gRPC sees it: all that a client knows. Throws as {@link grpcService} does. */
export function grpcMethod(spec: MethodSpec, options: GrpcServiceOptions = {}): GrpcMethod {
  const numbers = numbersOf(options)
  const failures = new Map([...protoFailures(spec, numbers)].map(([tag, body]) => [tag, messageCodec(body)]))
  const own = Reflect.get(spec.definition, protoMethodKey) as BroughtMethod | undefined // by the one key that is ours
  if (own !== undefined) return { ...own, failures }
  const { name, request, response } = protoMethod(spec, numbers)
  const path = `/${spec.info.service}/${name}`
  return { path, request: messageCodec(request), response: messageCodec(response), failures }
}

function numbersOf({ lock }: GrpcServiceOptions): ProtoNumbers {
  return lock === undefined ? inOrder : lockedNumbers(lock)
}

/** The codec of a message type. */
function messageCodec(body: ProtoBody): MessageCodec {
  if (body === 'google.protobuf.Struct')
    return guarded(body, { write: writeAny, read: reader => readStruct(reader, 1) })
  const message = new WireMessage(body)
  const write = (writer: WireWriter, value: unknown): void => message.write(writer, value, 1)
  return guarded(body.name, { write, read: reader => message.read(reader, 1) })
}

interface Wire {
  write(writer: WireWriter, value: unknown): void
  read(reader: WireReader): unknown
}

function guarded(typeName: string, wire: Wire): MessageCodec {
  return {
    typeName,
    encode(value) {
      const writer = new WireWriter()
      try {
        wire.write(writer, value)
      } catch (thrown) {
        throw thrown instanceof Unfit ? unencodable(thrown) : thrown
      }
      return writer.finish()
    },
    decode(bytes) {
      try {
        return wire.read(new WireReader(bytes))
      } catch (thrown) {
        throw thrown instanceof Malformed ? malformed(thrown) : thrown
      }
    },
  }
}

function writeAny(writer: WireWriter, value: unknown): void {
  const wire = toWire(value)
  if (typeof wire !== 'object' || wire === null || Array.isArray(wire))
    throw new Unfit('is no object, as a message must be')
  writeStruct(writer, wire as Readonly<Record<string, unknown>>) // as just seen
}

function unencodable({ keys, message }: Unfit): CallError {
  return new CallError<never>(failureOf('internal', 'UNENCODABLE', `${place([...keys].reverse())} ${message}`))
}

function malformed({ keys, message }: Malformed): CallError {
  return new CallError<never>(failureOf('invalid_argument', 'MALFORMED_BODY', `${place(keys)} ${message}`))
}

function place(keys: readonly (string | number)[]): string {
  const path = fieldPath(keys)
  return path === '' ? 'the message' : `the field ${path}`
}
