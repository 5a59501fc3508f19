// What is known of a message's field before any message is written or read.
import type { ProtoField } from '../../contract/proto-file.js'
import { type WireReader, wireType } from './wire-reader.js'
import type { ScalarCodec } from './wire-scalar.js'
import type { WireWriter } from './wire-writer.js'

/** A message's members, by property. */
export type Fields = Record<string, unknown>

/** The codec of a field that is a message itself. */
export interface MessageFields {
  write(writer: WireWriter, value: unknown, depth: number): void
  read(reader: WireReader, depth: number, fields?: Fields): Fields
}

/** How a field is written and read, worked out once. */
export interface FieldCodec {
  readonly field: ProtoField
  readonly tag: number
  /** Either of these. */
  readonly scalar: ScalarCodec | undefined
  readonly message: MessageFields | undefined
  /** Whether `value[property]` could find something inherited. */
  readonly isInherited: boolean
}

/** Whether the field has a value where none is on the wire. */
export function hasDefault({ field, scalar }: FieldCodec): boolean {
  return field.cardinality !== 'one' || scalar?.zero !== undefined
}

/** Whether a list is on the wire as one field. */
export function isPacked({ cardinality }: ProtoField, scalar: ScalarCodec | undefined): boolean {
  return cardinality === 'list' && scalar !== undefined && scalar.wire !== wireType.length
}

/** Field 2 of a map's entry. */
export function entryTag({ scalar }: FieldCodec): number {
  return 0x10 | (scalar?.wire ?? wireType.length)
}
