// JSON text and back, as every text transport sends it: ProtoJSON's forms out, and in only what no receiver has to fear. Both
// directions sit on the hot path, so the engine's own JSON does the work and ours only looks where a cheap scan saw a reason to.
import { CallError } from '../core/call-error.js'
import { failureOf } from '../core/failure.js'
import { fieldPath } from './field-path.js'
import { syntaxMistake } from './json-mistake.js'
import { maxJsonDepth, toWire, toWireForText } from './wire-value.js'

export { toWire }

/** The most keys that one object of a received message may have. */
const maxKeys = 1000
/** Shorter texts cannot hold an object with more keys, since the shortest field, `"":0,`, takes 5 characters. */
const leastTextForMaxKeys = 5 * maxKeys

/**
 * The value's JSON text, in the forms of `toWire`. Throws `CallError` `internal`/`UNENCODABLE` where that does.
 */
export function jsonText(value: unknown): string {
  const wire = toWireForText(value)
  const text = JSON.stringify(wire)
  // Only now are strings looked at, in one native scan: JSON.stringify escapes the half of a pair, which peers then choke on.
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
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw malformed(`the text is not JSON: ${syntaxMistake(text) ?? 'it is too large'}`)
  }
  if (isObject(value) || typeof value === 'number') checkSuspicious(text, value)
  else if (typeof value === 'string' && !value.isWellFormed()) throw malformed('the text has half a surrogate pair')
  return value
}

// Half a pair, or a letter of a forbidden key, hidden in an escape.
const suspiciousEscape = /\\u(?:[dD][89a-fA-F]|00[5-7])/
// A number without so large an exponent overflows only with two hundred digits and more.
const largeExponent = /[eE]\+?\d{3}/
const digitStride = 100

function checkSuspicious(text: string, value: unknown): void {
  const hidden = text.includes('\\u') && suspiciousEscape.test(text)
  const isSuspicious =
    hidden ||
    text.length > leastTextForMaxKeys ||
    text.includes('__proto__') ||
    text.includes('prototype') ||
    largeExponent.test(text) ||
    hasManyDigits(text) ||
    mayBeDeep(text)
  if (!isSuspicious) return
  const mistake = mistakeIn(value, 1, hidden)
  if (mistake === undefined) return
  const path = fieldPath(mistake.keys.reverse())
  throw malformed(`${path === '' ? 'the message' : `the field ${path}`} ${mistake.what}`)
}

function mayBeDeep(text: string): boolean {
  return countUpTo(text, '{') + countUpTo(text, '[') > maxJsonDepth
}

function countUpTo(text: string, opener: string): number {
  let count = 0
  for (let at = text.indexOf(opener); at !== -1 && count <= maxJsonDepth; at = text.indexOf(opener, at + 1)) count++
  return count
}

/** Whether two places a stride apart are digits, as in every number with twice as many. */
function hasManyDigits(text: string): boolean {
  let wasDigit = false
  for (let at = digitStride; at < text.length; at += digitStride) {
    const code = text.charCodeAt(at)
    const isDigit = code >= 48 && code <= 57
    if (isDigit && wasDigit) return true
    wasDigit = isDigit
  }
  return false
}

interface Mistake {
  readonly what: string
  /** The way to it, from the inside out. */
  readonly keys: (string | number)[]
}

/** The first thing in `value` that may not be received; `readsStrings` where some text may be half a pair. */
function mistakeIn(value: unknown, depth: number, readsStrings: boolean): Mistake | undefined {
  if (typeof value === 'number') return mistakeInNumber(value)
  if (typeof value === 'string') return readsStrings ? mistakeInText(value) : undefined
  if (!isObject(value)) return undefined
  if (depth > maxJsonDepth) return mistake(`nests over ${maxJsonDepth} levels deep`)
  return Array.isArray(value) ? mistakeInItems(value, depth, readsStrings) : mistakeInFields(value, depth, readsStrings)
}

function mistakeInItems(items: readonly unknown[], depth: number, readsStrings: boolean): Mistake | undefined {
  for (let index = 0; index < items.length; index++) {
    const found = mistakeIn(items[index], depth + 1, readsStrings)
    if (found !== undefined) return inside(index, found)
  }
  return undefined
}

function mistakeInFields(
  fields: Readonly<Record<string, unknown>>,
  depth: number,
  readsStrings: boolean,
): Mistake | undefined {
  const keys = Object.keys(fields)
  if (keys.length > maxKeys) return mistake(`has more than ${maxKeys} keys`)
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] ?? ''
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

function mistakeInNumber(value: number): Mistake | undefined {
  return Number.isFinite(value) ? undefined : mistake('is a number too large for a double')
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

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function malformed(message: string): CallError {
  return new CallError<never>(failureOf('invalid_argument', 'MALFORMED_BODY', message))
}
