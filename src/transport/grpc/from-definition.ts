// A contract of a .proto that @grpc/proto-loader has read. The loader's own functions make the bytes, so that the wire is the .proto's
// and values look as the loader's options say; what is not in a .proto (who may retry, which failures there are) is said beside it.
import type { StandardSchemaV1 } from '@standard-schema/spec'
import {
  type Contract,
  contract,
  type FailureDef,
  type Method,
  method,
  type Schema,
  type Slot,
} from '../../contract/index.js'
import { fromProtoFiles, protoMethodKey } from '../../contract/proto-source.js'
import { isStreamSlot } from '../../contract/schema.js'
import { CallError, failureOf } from '../../core/index.js'
import { toWire } from '../json.js'
import type { BroughtMethod, MessageCodec } from './message-codec.js'
import { WireReader } from './wire-reader.js'

/** A method as grpc-js and the loader have it; `MethodDefinition` of generated types fits. */
export interface LoadedMethod {
  readonly path: string
  readonly requestStream: boolean
  readonly responseStream: boolean
  /** Takes what callers give. */
  readonly requestSerialize: (value: never) => Uint8Array
  /** Gives what handlers get. */
  readonly requestDeserialize: (bytes: never) => unknown
  /** Takes what handlers give. */
  readonly responseSerialize: (value: never) => Uint8Array
  /** Gives what callers get. */
  readonly responseDeserialize: (bytes: never) => unknown
  /** With the files that it is in, of which the loader keeps the bytes. */
  readonly requestType?: object
  /** With `idempotency_level`. */
  readonly options?: object
}

/** What a .proto does not say of a method. */
export interface ProtoMethodOptions extends Partial<Omit<Method, 'request' | 'response'>> {
  /**
   * A schema of the loader's values, stricter than the .proto, or with types where there are no generated ones. Needed for a stream,
   * as `stream(schema)`: generated types do not tell. @defaultValue whatever the loader takes and gives
   */
  readonly request?: Slot
  /** As `request`. */
  readonly response?: Slot
}

type NameOf<K> = K extends string ? Uncapitalize<K> : never
type Part<O, K, P extends string> = K extends keyof O
  ? O[K] extends { readonly [Q in P]: infer X }
    ? X
    : undefined
  : undefined
type ArgumentOf<F> = F extends (value: infer In) => unknown ? In : never
type ResultOf<F> = F extends (bytes: never) => infer Out ? Out : never
type SlotOf<X, Serialize, Deserialize> = X extends Slot
  ? X
  : StandardSchemaV1<ArgumentOf<Serialize>, ResultOf<Deserialize>>
// biome-ignore lint/complexity/noBannedTypes: no failures at all, as of a method that declares none
type FailuresOf<X> = X extends Readonly<Record<string, FailureDef>> ? X : {}
type LoadedAs<X, O, K> = X extends LoadedMethod
  ? Method<
      SlotOf<Part<O, K, 'request'>, X['requestSerialize'], X['requestDeserialize']>,
      SlotOf<Part<O, K, 'response'>, X['responseSerialize'], X['responseDeserialize']>,
      FailuresOf<Part<O, K, 'failures'>>
    >
  : never

/** The methods of a definition, as a contract has them. */
export type LoadedMethods<S, O> = { readonly [K in keyof S as NameOf<K>]: LoadedAs<S[K], O, NameOf<K>> }

/**
 * The contract of a service that `@grpc/proto-loader` has loaded: `fromDefinition('pb.Add', loaded['pb.Add'] as AddDefinition)`, of the
 * types that `proto-loader-gen-types` writes. It is served and called over gRPC exactly as the .proto says, and over other transports
 * as any contract. Methods have the names of the .proto, with a small first letter; their idempotency is the .proto's
 * `idempotency_level` where nothing else is said. Throws `TypeError` for what is no service, for options of methods that it has not,
 * and for a stream without its schema.
 */
export function fromDefinition<
  S extends { readonly [K in keyof S]: LoadedMethod },
  const O extends { readonly [K in keyof S as NameOf<K>]?: ProtoMethodOptions } = Record<never, never>,
>(name: string, definition: S, options?: O): Contract<LoadedMethods<S, O>> {
  const methods: [string, Method][] = []
  const files = new Map<string, Uint8Array>()
  const left = new Set(Object.keys(options ?? {}))
  for (const [key, loaded] of Object.entries<LoadedMethod>(definition)) {
    if (typeof loaded?.requestSerialize !== 'function')
      throw new TypeError(`fromDefinition: ${name} is no service that @grpc/proto-loader has loaded`)
    const local = key.charAt(0).toLowerCase() + key.slice(1)
    left.delete(local)
    methods.push([local, methodOf(`${name}/${key}`, loaded, Reflect.get(options ?? {}, local) ?? {})])
    for (const bytes of filesOf(loaded)) files.set(Buffer.from(bytes).toString('latin1'), bytes)
  }
  const [unknown] = left
  if (unknown !== undefined) throw new TypeError(`fromDefinition: ${name} has no method '${unknown}'`)
  const made = contract(name, Object.fromEntries(methods))
  return fromProtoFiles(made, [...files.values()]) as unknown as Contract<LoadedMethods<S, O>> // a method for each, of its types
}

function methodOf(where: string, loaded: LoadedMethod, options: ProtoMethodOptions): Method {
  const request = codecOf(`${where}: the request`, loaded.requestSerialize, loaded.requestDeserialize)
  const response = codecOf(`${where}: the response`, loaded.responseSerialize, loaded.responseDeserialize)
  const own: BroughtMethod = { path: loaded.path, request, response }
  const definition = {
    idempotency: idempotencyOf(loaded.options),
    ...options,
    request: slotOf(`${where}: the request`, options.request, loaded.requestStream, request),
    response: slotOf(`${where}: the response`, options.response, loaded.responseStream, response),
    [protoMethodKey]: own,
  }
  return method(definition)
}

function slotOf(where: string, given: Slot | undefined, isStream: boolean, codec: MessageCodec): Slot {
  if (given === undefined ? isStream : isStreamSlot(given) !== isStream) {
    throw new TypeError(`fromDefinition: ${where} is ${isStream ? 'a stream: give it as stream(schema)' : 'no stream'}`)
  }
  return given ?? schemaOf(codec)
}

function idempotencyOf(options: object | undefined): Method['idempotency'] {
  const level: unknown = Reflect.get(options ?? {}, 'idempotency_level')
  if (/^(NO_SIDE_EFFECTS|1)$/.test(String(level))) return 'safe'
  return /^(IDEMPOTENT|2)$/.test(String(level)) ? 'idempotent' : 'unsafe'
}

function filesOf({ requestType }: LoadedMethod): readonly Uint8Array[] {
  const files: unknown = Reflect.get(requestType ?? {}, 'fileDescriptorProtos')
  return Array.isArray(files) ? files.filter(each => each instanceof Uint8Array) : []
}

/** What the loader reads has its form already. */
const read = new WeakSet<object>()

type Codec = Pick<LoadedMethod, 'requestSerialize' | 'requestDeserialize'>

function codecOf(where: string, write: Codec['requestSerialize'], parse: Codec['requestDeserialize']): MessageCodec {
  const serialize = write as (value: unknown) => Uint8Array // it refuses what it cannot write
  const deserialize = parse as (bytes: Buffer) => object // a message is an object
  return {
    typeName: where,
    encode(value) {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw new CallError<never>(failureOf('internal', 'UNENCODABLE', `${where} is no object, as a message must be`))
      const wire = toWire(value) // bigints as text, bytes as base64: both of which it takes
      try {
        return serialize(wire)
      } catch (thrown) {
        throw new CallError<never>(
          failureOf('internal', 'UNENCODABLE', `${where} cannot be written: ${textOf(thrown)}`),
        )
      }
    },
    decode(bytes) {
      try {
        checkWire(bytes)
        const value = deserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
        read.add(value)
        return value
      } catch (thrown) {
        throw new CallError<never>(
          failureOf('invalid_argument', 'MALFORMED_BODY', `${where} cannot be read: ${textOf(thrown)}`),
        )
      }
    },
  }
}

/** The loader's library takes text that is cut short for the text that is left. */
function checkWire(bytes: Uint8Array): void {
  const reader = new WireReader(bytes)
  while (!reader.isAtEnd) reader.skip(reader.tag())
}

/** A schema that holds values to the .proto by writing and reading them: they come out as from gRPC, whatever transport they came by. */
function schemaOf(codec: MessageCodec): Schema {
  const validate = (value: unknown): StandardSchemaV1.Result<unknown> => {
    if (typeof value === 'object' && value !== null && read.has(value)) return { value }
    try {
      return { value: codec.decode(codec.encode(value)) }
    } catch (thrown) {
      return { issues: [{ message: textOf(thrown) }] }
    }
  }
  return { '~standard': { version: 1, vendor: 'tenon', validate } }
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
