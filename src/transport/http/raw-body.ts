// Bodies that are bytes: a field of a message that HTTP carries by itself, in both directions and for both sides. Everywhere else it
// is a field like any other, so it may be base64 wherever it may be bytes.
import { isOfType, type RawField, unknownType } from '../../contract/raw-field.js'
import { CallError, failureOf, isFailure, type OnDefect } from '../../core/index.js'
import { closedUnbegun } from './unbegun.js'

/** A body that is bytes, and its type. */
export interface TypedBytes {
  readonly bytes: Uint8Array
  /** The whole `Content-Type`; undefined where none was sent. */
  readonly type: string | undefined
}

/** Puts a body where it belongs in its message. */
export function putBytes(raw: RawField, message: Record<string, unknown>, { bytes, type }: TypedBytes): void {
  // A copy: what came over a socket is a part of memory that others use, and not everybody reads a view's offset.
  message[raw.field] = new Uint8Array(bytes)
  if (raw.typeField !== undefined) message[raw.typeField] = type ?? unknownType
}

/** The body in a message. Throws `CallError` `internal`/`UNENCODABLE` where there is none. */
export function bytesIn(raw: RawField, message: unknown): TypedBytes {
  const fields = typeof message === 'object' && message !== null ? (message as Record<string, unknown>) : {} // any object can be read so
  const bytes = toBytes(fields[raw.field])
  if (bytes === undefined) throw unencodable(`the field ${raw.field} is neither bytes nor base64`)
  const type = raw.typeField === undefined ? undefined : fields[raw.typeField]
  if (type === undefined || type === null) return { bytes, type: raw.type.includes('*') ? unknownType : raw.type }
  if (typeof type !== 'string' || !typeRule.test(type) || !isOfType(type, raw.type))
    throw unencodable(`the field ${raw.typeField} is no content type that this method has`)
  return { bytes, type }
}

const typeRule = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:[\t ]*;[\t\x20-\x7e]*)?$/

/** Bytes, or what stands for them: undefined for anything else. */
export function toBytes(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value
  if (Object.prototype.toString.call(value) === '[object ArrayBuffer]') return new Uint8Array(value as ArrayBuffer) // so it says itself
  if (typeof value !== 'string' || !/^[\w+/-]*={0,2}$/.test(value)) return undefined
  try {
    return Uint8Array.from(atob(value), letter => letter.charCodeAt(0))
  } catch {
    return undefined
  }
}

function unencodable(message: string): CallError<never> {
  return new CallError<never>(failureOf('internal', 'UNENCODABLE', message))
}

/**
 * The items of a stream as the bytes of a body. Throws what the stream throws, and `UNENCODABLE` as {@link bytesIn}: a body has no
 * place for a failure, so whoever sends it breaks it off. What is nobody's failure is told to `onDefect`.
 */
export function bytesOfItems(
  raw: RawField,
  items: AsyncIterable<unknown>,
  onDefect: OnDefect,
): AsyncIterable<Uint8Array> {
  return closedUnbegun(piecesOf(raw, items, onDefect), () => items[Symbol.asyncIterator]().return?.())
}

async function* piecesOf(
  raw: RawField,
  items: AsyncIterable<unknown>,
  onDefect: OnDefect,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const item of items) {
      const { bytes } = bytesIn(raw, item)
      if (bytes.length > 0) yield bytes
    }
  } catch (thrown) {
    if (!(thrown instanceof CallError) || isUnencodable(thrown)) onDefect(thrown)
    throw thrown
  }
}

function isUnencodable({ failure }: CallError<unknown>): boolean {
  return isFailure(failure) && failure.reason === 'UNENCODABLE'
}

/** The bytes of a body as the items of a stream. */
export async function* itemsOfBytes(
  raw: RawField,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<unknown, void, undefined> {
  for await (const bytes of chunks) {
    const item: Record<string, unknown> = {}
    putBytes(raw, item, { bytes, type: undefined })
    yield item
  }
}
