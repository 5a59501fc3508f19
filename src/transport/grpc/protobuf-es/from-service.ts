// A contract of a service that protoc-gen-es has generated: its types are the generated ones, its wire is the .proto's.
import { type DescFile, type DescMethod, type DescService, toBinary } from '@bufbuild/protobuf'
import type { GenService, GenServiceMethods } from '@bufbuild/protobuf/codegenv2'
import { FileDescriptorProtoSchema, MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt'
import {
  type Contract,
  contract,
  type FailureDef,
  type Method,
  method,
  type Schema,
  type StreamOf,
  stream,
} from '../../../contract/index.js'
import { fromProtoFiles, protoMethodKey } from '../../../contract/proto-source.js'
import type { BroughtMethod } from '../message-codec.js'
import { type MessageSchema, messageCodecOf, messageSchema } from './message-schema.js'

/** What a .proto does not say of a method. `idempotency` is its `idempotency_level`, or `'unsafe'`, where nothing is said here. */
export type ServiceMethodOptions = Partial<Omit<Method, 'request' | 'response'>>

type FailuresIn<O, K> = K extends keyof O
  ? O[K] extends { readonly failures: infer F extends Readonly<Record<string, FailureDef>> }
    ? F
    : // biome-ignore lint/complexity/noBannedTypes: no failures at all, as of a method that declares none
      {}
  : // biome-ignore lint/complexity/noBannedTypes: as above
    {}
type Streamed<X extends Schema, Kind, Streams> = Kind extends Streams ? StreamOf<X> : X

/** The methods of a service, as a contract has them. */
export type ServiceMethods<S extends GenServiceMethods, O> = {
  readonly [K in keyof S]: Method<
    Streamed<MessageSchema<S[K]['input']>, S[K]['methodKind'], 'client_streaming' | 'bidi_streaming'>,
    Streamed<MessageSchema<S[K]['output']>, S[K]['methodKind'], 'server_streaming' | 'bidi_streaming'>,
    FailuresIn<O, K>
  >
}

/**
 * The contract of a service that `protoc-gen-es` (2.x) has generated. It is served and called over gRPC exactly as the .proto says, and
 * over other transports as any contract, in ProtoJSON. Methods have their generated names (`sum` for `rpc Sum`); handlers and callers
 * get messages, and may give messages, what `create` takes, or ProtoJSON. Throws `TypeError` for options of methods that it has not.
 *
 * Over transports that send JSON a message goes as its object has it: give ProtoJSON (`toJson` of the library) where it has timestamps
 * or oneofs and peers of other makers read it.
 */
export function fromService<
  S extends GenServiceMethods,
  const O extends { readonly [K in keyof S]?: ServiceMethodOptions } = Record<never, never>,
>(service: GenService<S>, options?: O): Contract<ServiceMethods<S, O>> {
  const { typeName, methods, file } = service as DescService // which a generated one is
  for (const key of Object.keys(options ?? {})) {
    if (!methods.some(({ localName }) => localName === key))
      throw new TypeError(`fromService: ${typeName} has no method '${key}'`)
  }
  const definitions = methods.map(each => [
    each.localName,
    methodOf(each, Reflect.get(options ?? {}, each.localName) ?? {}),
  ])
  const made = contract(typeName, Object.fromEntries(definitions))
  return fromProtoFiles(made, filesOf(file)) as unknown as Contract<ServiceMethods<S, O>> // a method for each, of its types
}

function methodOf(described: DescMethod, options: ServiceMethodOptions): Method {
  const { input, output, methodKind, name, parent } = described
  const [request, response] = [messageSchema(input), messageSchema(output)]
  const own: BroughtMethod = {
    path: `/${parent.typeName}/${name}`,
    request: messageCodecOf(input),
    response: messageCodecOf(output),
  }
  const definition = {
    idempotency: idempotencyOf(described),
    ...(described.deprecated && { deprecated: true }),
    ...options,
    request: methodKind === 'client_streaming' || methodKind === 'bidi_streaming' ? stream(request) : request,
    response: methodKind === 'server_streaming' || methodKind === 'bidi_streaming' ? stream(response) : response,
    [protoMethodKey]: own,
  }
  return method(definition)
}

function idempotencyOf({ idempotency }: DescMethod): Method['idempotency'] {
  if (idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return 'safe'
  return idempotency === MethodOptions_IdempotencyLevel.IDEMPOTENT ? 'idempotent' : 'unsafe'
}

/** The files, each after those that it imports. */
function filesOf(file: DescFile): readonly Uint8Array[] {
  const files = new Set<DescFile>()
  const visit = (each: DescFile): void => {
    for (const imported of each.dependencies) visit(imported)
    files.add(each)
  }
  visit(file)
  return [...files].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto))
}
