// Values as JSON can hold them, the way ProtoJSON writes them: dates as RFC 3339, 64-bit numbers as decimal strings, bytes as
// base64. What JSON.stringify would lose without a word (NaN, a Map, a forgotten await) fails here with the field's path.
import { CallError } from '../core/call-error.js'
import { failureOf } from '../core/failure.js'
import { bytesToBase64 } from './base64.js'
import { fieldPath } from './field-path.js'
import { maxJsonDepth } from './json-depth.js'

const tagsWithoutJson: ReadonlySet<string> = new Set([
  ...['Map', 'Set', 'WeakMap', 'WeakSet', 'Promise', 'Generator', 'AsyncGenerator', 'DataView', 'SharedArrayBuffer'],
  ...['Int8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'Float32Array'],
  ...['Float64Array', 'BigInt64Array', 'BigUint64Array'],
])
const boxedTags: ReadonlySet<string> = new Set(['Number', 'String', 'Boolean', 'BigInt', 'Symbol'])

type Fields = Record<string, unknown>

/**
 * A value as plain JSON data. A `Date` becomes an RFC 3339 string in UTC, a `bigint` a decimal string, `Uint8Array` and
 * `ArrayBuffer` base64, NaN and the infinities their names, an object with `toJSON` what that returns; `undefined` properties are
 * dropped. What needs no conversion comes back as the same reference: most messages are only looked at.
 *
 * Throws `CallError` `internal`/`UNENCODABLE`, naming the field, for a `Map`, `Set`, `Promise`, function, symbol, `undefined` in an
 * array or as the message, a date that is invalid or outside the years 0 to 9999, a string with half a surrogate pair, and anything
 * over 64 levels deep (as every cycle is).
 */
export function toWire(value: unknown): unknown {
  return isWire(value, 1, false) ? value : new Conversion(false).convert(value, '')
}

/** {@link toWire} for text only: what JSON.stringify does by itself, or shows in its text, is left to it. */
export function toWireForText(value: unknown): unknown {
  return isWire(value, 1, true) ? value : new Conversion(true).convert(value, '')
}

/** Whether nothing need be converted: of most messages, so this is as small and fast as can be. `isLax` as for {@link Conversion}. */
function isWire(value: unknown, depth: number, isLax: boolean): boolean {
  if (typeof value === 'string') return isLax || value.isWellFormed()
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object') return typeof value === 'boolean'
  if (value === null) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  if (depth > maxJsonDepth) return false
  if (prototype === Array.prototype && Array.isArray(value)) return areWire(value, depth + 1, isLax)
  if (prototype !== Object.prototype) return false
  // A plain object's properties can be read by any string. Inherited ones do no harm: they only make this more careful.
  const fields = value as Fields
  for (const key in fields) {
    const field = fields[key]
    if (!isLax && !key.isWellFormed()) return false
    if ((field !== undefined || !isLax) && !isWire(field, depth + 1, isLax)) return false
  }
  return true
}

class Conversion {
  /** Keeps `undefined` properties, which JSON.stringify drops, and strings unread, whose surrogates it escapes. */
  readonly #isLax: boolean
  /** What leads to the object at hand: as many keys as it is deep, the first of them the message's own `''`. */
  readonly #keys: (string | number)[] = []

  constructor(isLax: boolean) {
    this.#isLax = isLax
  }

  convert(value: unknown, key: string | number): unknown {
    switch (typeof value) {
      case 'string':
        return this.#isLax ? value : this.#wellFormed(value, key)
      case 'number':
        return Number.isFinite(value) ? value : String(value)
      case 'boolean':
        return value
      case 'bigint':
        return value.toString()
      case 'object':
        return value === null ? null : this.#object(value, key)
      default:
        return this.#fail(key, `is ${value === undefined ? 'undefined' : `a ${typeof value}`}`)
    }
  }

  #object(value: object, key: string | number): unknown {
    if (this.#keys.push(key) > maxJsonDepth)
      this.#fail('', `nests over ${maxJsonDepth} levels deep, or contains itself`)
    const prototype: unknown = Object.getPrototypeOf(value)
    let wire: unknown
    // A plain object's properties can be read by any string.
    if (prototype === Object.prototype || prototype === null) wire = this.#fields(value as Fields)
    else if (prototype === Array.prototype && Array.isArray(value)) wire = this.#items(value)
    else wire = this.#instance(value, key)
    this.#keys.pop()
    return wire
  }

  #items(items: readonly unknown[]): readonly unknown[] {
    let copy: unknown[] | undefined
    for (let index = 0; index < items.length; index++) {
      const item = items[index]
      const wire = this.convert(item, index)
      if (wire === item) continue
      copy ??= Array.from(items)
      copy[index] = wire
    }
    return copy ?? items
  }

  #fields(fields: Fields): unknown {
    let copy: Fields | undefined
    const keys = Object.keys(fields)
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] ?? ''
      const value = fields[key]
      if (!this.#isLax) this.#wellFormed(key, key)
      if (key === 'toJSON' && isFunction(value)) return this.#ownJson(fields, value)
      const wire = value === undefined ? undefined : this.convert(value, key)
      if (copy === undefined) {
        if (wire === value && (value !== undefined || this.#isLax)) continue
        copy = firstFields(fields, keys, index)
      }
      if (wire !== undefined) put(copy, key, wire)
    }
    return copy ?? fields
  }

  /** An object of some class. Told apart by tag rather than by `instanceof`, which other realms' objects would fail. */
  #instance(value: object, key: string | number): unknown {
    const tag = Object.prototype.toString.call(value).slice('[object '.length, -1)
    // The tags of built-in objects say what they are; a class that borrows one has to behave like it.
    if (tag === 'Date') return this.#date(value as Date)
    if (tag === 'Uint8Array') return bytesToBase64(value as Uint8Array)
    if (tag === 'ArrayBuffer') return bytesToBase64(new Uint8Array(value as ArrayBuffer))
    if ('toJSON' in value && isFunction(value.toJSON)) return this.#ownJson(value, value.toJSON)
    if (boxedTags.has(tag)) return this.convert(value.valueOf(), key)
    if (tagsWithoutJson.has(tag)) return this.#fail('', `is a ${tag}`)
    return Array.isArray(value) ? this.#items(value) : this.#fields(value as Fields) // readable by any string, as above
  }

  #ownJson(value: object, toJson: (key: string) => unknown): unknown {
    return this.convert(toJson.call(value, String(this.#keys.at(-1))), '')
  }

  #date(date: Date): string {
    if (Number.isNaN(date.getTime())) return this.#fail('', 'is an invalid date')
    const text = date.toISOString()
    return text.length === 24 ? text : this.#fail('', 'is a date outside the years 0 to 9999')
  }

  #wellFormed(text: string, key: string | number): string {
    return text.isWellFormed() ? text : this.#fail(key, 'has half a surrogate pair in its text')
  }

  /** `key` is `''` for the object at hand itself. */
  #fail(key: string | number, problem: string): never {
    const path = fieldPath([...this.#keys, key].filter(each => each !== ''))
    const message = `${path === '' ? 'the message' : `the field ${path}`} ${problem}, which JSON cannot hold`
    throw new CallError<never>(failureOf('internal', 'UNENCODABLE', message))
  }
}

function isFunction(value: unknown): value is (key: string) => unknown {
  return typeof value === 'function'
}

/** The fields before the one at `index`, which need no conversion. */
function firstFields(fields: Fields, keys: readonly string[], index: number): Fields {
  const copy: Fields = {}
  for (const key of keys.slice(0, index)) put(copy, key, fields[key])
  return copy
}

function put(fields: Fields, key: string, value: unknown): void {
  if (key !== '__proto__')
    fields[key] = value // which would set the prototype instead
  else Object.defineProperty(fields, key, { value, writable: true, enumerable: true, configurable: true })
}

function areWire(items: readonly unknown[], depth: number, isLax: boolean): boolean {
  for (let index = 0; index < items.length; index++) if (!isWire(items[index], depth, isLax)) return false
  return true
}
