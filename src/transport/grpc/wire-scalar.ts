// The types without fields: what values they take (run-time types and their ProtoJSON form alike), what is on the wire, and what comes
// back, which is ProtoJSON's form always, as over every other transport.
import type { ProtoScalar } from '../../contract/proto-file.js'
import { CallError } from '../../core/index.js'
import { checkedJson, toWire } from '../json.js'
import { dateTimeText, type Instant, instantOf } from './timestamp.js'
import { readValue, writeValue } from './wire-json.js'
import { Malformed, type WireReader, wireType } from './wire-reader.js'
import type { WireWriter } from './wire-writer.js'

/** Why a value has no place in its field; caught where the message's name is known. */
export class Unfit extends Error {
  /** The way to it, from the inside out. */
  readonly keys: (string | number)[] = []
}

/** How values of one type are written and read. `T` is what is written, once the value has been looked at. */
export interface ScalarCodec<T = unknown> {
  readonly wire: number
  /** What a field that is not there means; undefined where that is nothing. */
  readonly zero: unknown
  /** Throws {@link Unfit} for a value that the type cannot hold. */
  take(value: unknown): T
  /** Whether a field without presence leaves it away. */
  isZero(taken: T): boolean
  write(writer: WireWriter, taken: T): void
  read(reader: WireReader): unknown
}

function unfit(value: unknown, type: string): Unfit {
  const what = value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`
  return new Unfit(`is ${what}, where its type is ${type}`)
}

/** A value in JSON's form. */
function wireOf(value: unknown): unknown {
  try {
    return toWire(value)
  } catch (thrown) {
    throw thrown instanceof CallError ? new Unfit(`has no JSON form: ${thrown.failure.message}`) : thrown
  }
}

const text: ScalarCodec<string> = {
  wire: wireType.length,
  zero: '',
  take(value) {
    // What is text in JSON may be a date, a bigint or bytes here.
    const wire = typeof value === 'object' || typeof value === 'bigint' ? wireOf(value) : value
    if (typeof wire !== 'string') throw unfit(value, 'string')
    if (!wire.isWellFormed()) throw new Unfit('has half a surrogate pair in its text')
    return wire
  },
  isZero: taken => taken === '',
  write: (writer, taken) => writer.text(taken),
  read: reader => reader.text(),
}

const bool: ScalarCodec<boolean> = {
  wire: wireType.varint,
  zero: false,
  take(value) {
    if (typeof value !== 'boolean') throw unfit(value, 'bool')
    return value
  },
  isZero: taken => !taken,
  write: (writer, taken) => writer.uint32(taken ? 1 : 0),
  read: reader => reader.varint64() !== 0 || reader.high !== 0,
}

const base64Rule = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/

const bytes: ScalarCodec<Uint8Array> = {
  wire: wireType.length,
  zero: '',
  take(value) {
    if (value instanceof Uint8Array) return value
    const wire = wireOf(value) // bytes of another realm, too
    if (typeof wire !== 'string' || !base64Rule.test(wire)) throw unfit(value, 'bytes, or text in base64')
    return Buffer.from(wire, 'base64')
  },
  isZero: taken => taken.length === 0,
  write: (writer, taken) => writer.bytes(taken),
  read: reader => reader.bytes().toString('base64'),
}

const names: ReadonlyMap<unknown, number> = new Map([Number.NaN, Infinity, -Infinity].map(each => [String(each), each]))

const double: ScalarCodec<number> = {
  wire: wireType.fixed64,
  zero: 0,
  take(value) {
    const taken = typeof value === 'number' ? value : names.get(value)
    if (taken === undefined) throw unfit(value, 'double')
    return taken
  },
  isZero: taken => Object.is(taken, 0),
  write: (writer, taken) => writer.double(taken),
  read(reader) {
    const value = reader.double()
    return Number.isFinite(value) ? value : String(value)
  },
}

function number(
  type: string,
  min: number,
  max: number,
  read: (low: number, high: number) => number,
): ScalarCodec<number> {
  return {
    wire: wireType.varint,
    zero: 0,
    take(value) {
      if (typeof value !== 'number' || !Number.isInteger(value)) throw unfit(value, `${type}, an integer`)
      if (value < min || value > max) throw new Unfit(`is ${value}, out of the range of ${type}`)
      return value
    },
    isZero: taken => taken === 0,
    write: (writer, taken) => writer.integer(taken),
    read(reader) {
      const low = reader.varint64()
      return read(low, reader.high)
    },
  }
}

function exact(low: number, high: number): number {
  const value = (high | 0) * 0x1_0000_0000 + low
  if (Number.isSafeInteger(value)) return value
  throw new Malformed(`is ${BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))}, which no number holds exactly`)
}

const integerRule = /^-?\d{1,20}$/

function bigint(type: string, signed: boolean): ScalarCodec<bigint> {
  const cut = signed ? BigInt.asIntN : BigInt.asUintN
  return {
    wire: wireType.varint,
    zero: '0',
    take(value) {
      const taken = toBigint(value)
      if (taken === undefined) throw unfit(value, `${type}: a bigint, or decimal text`)
      if (cut(64, taken) !== taken) throw new Unfit(`is ${taken}, out of the range of ${type}`)
      return taken
    },
    isZero: taken => taken === 0n,
    write: (writer, taken) => writer.bigint(taken),
    read(reader) {
      const low = reader.varint64()
      if (reader.high === 0) return String(low)
      return String(cut(64, (BigInt(reader.high) << 32n) | BigInt(low)))
    },
  }
}

function toBigint(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined
  return typeof value === 'string' && integerRule.test(value) ? BigInt(value) : undefined
}

const timestamp: ScalarCodec<Instant> = {
  wire: wireType.length,
  zero: undefined,
  take(value) {
    const instant = instantOf(value)
    if (instant === undefined)
      throw unfit(value, 'Timestamp: a date, or a time as in RFC 3339 with its offset, from year 1 to 9999')
    return instant
  },
  isZero: () => false,
  write(writer, { seconds, nanos }) {
    const start = writer.begin()
    if (seconds !== 0) {
      writer.uint32(0x08)
      writer.integer(seconds)
    }
    if (nanos !== 0) {
      writer.uint32(0x10)
      writer.uint32(nanos)
    }
    writer.end(start)
  },
  read(reader) {
    let [seconds, nanos] = [0, 0]
    const outer = reader.enter()
    while (!reader.isAtEnd) {
      const tag = reader.tag()
      if (tag === 0x08) seconds = exact(reader.varint64(), reader.high)
      else if (tag === 0x10) nanos = reader.varint64() | 0
      else reader.skip(tag)
    }
    reader.leave(outer)
    const found = dateTimeText(seconds, nanos)
    if (found === undefined) throw new Malformed('is a time out of the range of a Timestamp')
    return found
  },
}

const value: ScalarCodec = {
  wire: wireType.length,
  zero: undefined,
  take: wireOf,
  isZero: () => false,
  write: (writer, taken) => writeValue(writer, taken),
  read(reader) {
    const found = readValue(reader)
    try {
      return checkedJson(found)
    } catch (thrown) {
      throw thrown instanceof CallError ? new Malformed(`has no JSON to take: ${thrown.failure.message}`) : thrown
    }
  },
}

/** The codec of each type. */
export const scalarCodecs: Readonly<Record<ProtoScalar, ScalarCodec>> = {
  string: text,
  bool,
  bytes,
  double,
  int32: number('int32', -(2 ** 31), 2 ** 31 - 1, low => low | 0),
  uint32: number('uint32', 0, 2 ** 32 - 1, low => low),
  integer: number('int64', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, exact),
  int64: bigint('int64', true),
  uint64: bigint('uint64', false),
  'google.protobuf.Timestamp': timestamp,
  'google.protobuf.Value': value,
} as Readonly<Record<ProtoScalar, ScalarCodec>> // each is given back only what it took itself
