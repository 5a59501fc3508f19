// Contracts that were made from a .proto keep what they were made from: a transport goes by it, and no other .proto is written of them.
import type { Contract } from './contract.js'
import type { AnyMethod } from './method.js'

/** Under which a method's definition keeps its own path and codecs. */
export const protoMethodKey: unique symbol = Symbol.for('tenon.proto.method')
/** Under which a contract keeps the compiled files that it was made from. */
const protoFilesKey: unique symbol = Symbol.for('tenon.proto.files')

/** The compiled files that a contract was made from: serialised `FileDescriptorProto`s; undefined where it was not made from any. */
export function protoFilesOf(contract: object): readonly Uint8Array[] | undefined {
  return Reflect.get(contract, protoFilesKey) as readonly Uint8Array[] | undefined // by the one key that is ours
}

/** A contract that keeps the files that it was made from. */
export function fromProtoFiles<M extends Readonly<Record<string, AnyMethod>>>(
  contract: Contract<M>,
  files: readonly Uint8Array[],
): Contract<M> {
  return Object.freeze({ ...contract, [protoFilesKey]: files })
}
