// JSON text and back, as every text transport sends it: ProtoJSON's forms out, and in only what no receiver has to fear. Both
// directions sit on the hot path, so the engine's own JSON does the work and ours only looks where a cheap scan saw a reason to.
import { CallError } from '../core/call-error.js'
import { failureOf } from '../core/failure.js'
import { fieldPath } from './field-path.js'
import { isAbyss, maxJsonDepth, openersIn } from './json-depth.js'
import { syntaxMistake } from './json-mistake.js'
import { toWire, toWireForText } from './wire-value.js'

export { toWire }

/** The most keys that one object of a received message may have. */
const maxKeys = 1000
/** Shorter texts cannot hold an object with more keys, since the shortest field, `"":0,`, takes 5 characters. */
const leastLengthForKeys = 5 * maxKeys
/** Shorter texts cannot be too deep: each level opens and closes. */
const leastLengthForDepth = 2 * maxJsonDepth

/**
 * The value's JSON text, in the forms of {@link toWire}. Throws `CallError` `internal`/`UNENCODABLE` where that does.
 */
export function jsonText(value: unknown): string {
  const wire = toWireForText(value)
  const text = JSON.stringify(wire)
  // Only now are strings looked at, in one native scan: JSON.stringify escapes half a pair, which the peer would refuse.
  if (text.includes('\\ud')) toWire(wire)
  return text
}

/**
 * The value of a JSON text that somebody else wrote.
 *
 * Throws `CallError` `invalid_argument`/`MALFORMED_BODY`, saying what is wrong and where, for a text that is not JSON, over 64
 * levels, more than 1000 keys in one object, a key `__proto__`, a `constructor` with a `prototype` inside, half a surrogate pair,
 * and a number too large for a double. Takes time linear in the text.
 */
export function parseJson(text: string): unknown {
  if (!text.isWellFormed()) throw malformed('the text has half a surrogate pair')
  if (isAbyss(text)) throw malformed(`the message ${tooDeep}`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw malformed(`the text is not JSON: ${syntaxMistake(text) ?? 'it is too long'}`)
  }
  const readsStrings = hasSuspiciousEscape(text)
  if (!readsStrings && !mayBeTooMuch(text) && !hasForbiddenName(text) && !hasLargeNumber(text)) return value
  return checked(value, readsStrings)
}

/** A value that somebody else has parsed from JSON, held to what {@link parseJson} lets through. Throws as that does. */
export function checkedJson(value: unknown): unknown {
  return checked(value, true)
}

function checked(value: unknown, readsStrings: boolean): unknown {
  const found = mistakeIn(value, 1, readsStrings)
  if (found === undefined) return value
  const path = fieldPath(found.keys.reverse())
  throw malformed(`${path === '' ? 'the message' : `the field ${path}`} ${found.what}`)
}

const tooDeep = `nests over ${maxJsonDepth} levels deep`

function mayBeTooMuch(text: string): boolean {
  if (text.length <= leastLengthForDepth) return false
  return text.length > leastLengthForKeys || openersIn(text, maxJsonDepth) > maxJsonDepth
}

// Half a pair, or a letter of a forbidden name, in disguise.
const suspiciousEscape = /\\u(?:[dD][89a-fA-F]|00[5-7])/

function hasSuspiciousEscape(text: string): boolean {
  return text.includes('\\u') && suspiciousEscape.test(text)
}

function hasForbiddenName(text: string): boolean {
  return text.includes('proto') && (text.includes('__proto__') || text.includes('prototype'))
}

// A number overflows by a large exponent, or has 210 digits and more before the point.
const largeExponent = /[eE]\+?\d{3}/
const stride = 100

function hasLargeNumber(text: string): boolean {
  if (largeExponent.test(text)) return true
  let wasDigit = false
  for (let at = stride; at < text.length; at += stride) {
    const code = text.charCodeAt(at)
    const isDigit = code >= 0x30 && code <= 0x39
    if (isDigit && wasDigit) return true
    wasDigit = isDigit
  }
  return false
}

type Fields = Readonly<Record<string, unknown>>

interface Mistake {
  readonly what: string
  /** The way to it, from the inside out. */
  readonly keys: (string | number)[]
}

/** The first thing in `value`, `depth` levels deep, that may not be received. `readsStrings` where they may hold half a pair. */
function mistakeIn(value: unknown, depth: number, readsStrings: boolean): Mistake | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : mistake('is too large for a double')
  if (typeof value === 'string') return readsStrings ? mistakeInText(value) : undefined
  if (!isObject(value)) return undefined
  if (depth > maxJsonDepth) return mistake(tooDeep)
  return Array.isArray(value) ? mistakeInItems(value, depth, readsStrings) : mistakeInFields(value, depth, readsStrings)
}

function mistakeInItems(items: readonly unknown[], depth: number, readsStrings: boolean): Mistake | undefined {
  for (let index = 0; index < items.length; index++) {
    const found = mistakeIn(items[index], depth + 1, readsStrings)
    if (found !== undefined) return inside(index, found)
  }
  return undefined
}

function mistakeInFields(fields: Fields, depth: number, readsStrings: boolean): Mistake | undefined {
  let count = 0
  for (const key in fields) {
    if (++count > maxKeys) return mistake(`has more than ${maxKeys} keys`)
    const value = fields[key]
    const found =
      mistakeInKey(key, value) ??
      (readsStrings ? mistakeInText(key) : undefined) ??
      mistakeIn(value, depth + 1, readsStrings)
    if (found !== undefined) return inside(key, found)
  }
  return undefined
}

function mistakeInKey(key: string, value: unknown): Mistake | undefined {
  if (key === '__proto__') return mistake('has a forbidden name')
  if (key !== 'constructor' || !isObject(value) || !Object.hasOwn(value, 'prototype')) return undefined
  return mistake('has a forbidden name inside it')
}

function mistakeInText(text: string): Mistake | undefined {
  return text.isWellFormed() ? undefined : mistake('has half a surrogate pair in its text')
}

function mistake(what: string): Mistake {
  return { what, keys: [] }
}

function inside(key: string | number, found: Mistake): Mistake {
  found.keys.push(key)
  return found
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

function malformed(message: string): CallError {
  return new CallError<never>(failureOf('invalid_argument', 'MALFORMED_BODY', message))
}
