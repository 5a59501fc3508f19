// The path templates of google.api.http, as far as a method's own fields need them: literals, `{field}` for one whole segment, and
// a `:verb` at the end. One parser for servers and clients, so that what `pathOf` writes is what the router reads.
import { CallError } from '../core/call-error.js'
import { failureOf } from '../core/failure.js'

/** A path template, taken apart. */
export interface PathPattern {
  /** As it was written. */
  readonly text: string
  /** None for `/`. */
  readonly segments: readonly PathSegment[]
  /** What stands behind the last segment's colon. */
  readonly verb: string | undefined
  /** The parameters' names, from left to right. */
  readonly names: readonly string[]
}

/** One part between slashes: text to be met literally, or a parameter. */
export type PathSegment = { readonly literal: string } | { readonly name: string }

const nameRule = /^[A-Za-z_][A-Za-z0-9_-]*$/
// Only what needs no encoding, and neither wildcards nor what could be taken for part of the template.
const literalRule = /^[A-Za-z0-9._~!$&'()+,;=@-]+$/

/**
 * Takes a template apart: `/orders/{id}:cancel` has the segments `orders` and `{id}` and the verb `cancel`.
 * Throws `TypeError` naming the template when it is malformed or names a parameter twice.
 */
export function parsePattern(text: string): PathPattern {
  if (!text.startsWith('/')) throw malformed(text, "it has to begin with '/'")
  if (text === '/') return { text, segments: [], verb: undefined, names: [] }
  const parts = text.slice(1).split('/')
  const last = parts.at(-1) ?? ''
  const colon = last.lastIndexOf(':')
  const verb = colon < 0 ? undefined : last.slice(colon + 1)
  if (verb !== undefined) {
    if (!literalRule.test(verb)) throw malformed(text, `':${verb}' is not a verb`)
    parts[parts.length - 1] = last.slice(0, colon)
  }
  const segments = parts.map(part => segmentOf(part, text))
  const names = segments.flatMap(segment => ('name' in segment ? [segment.name] : []))
  const twice = names.find((name, index) => names.indexOf(name) < index)
  if (twice !== undefined) throw malformed(text, `it names '${twice}' twice`)
  return { text, segments, verb, names }
}

function segmentOf(part: string, text: string): PathSegment {
  if (part === '') throw malformed(text, 'it has an empty segment')
  if (part.startsWith('{') && part.endsWith('}')) {
    const name = part.slice(1, -1)
    if (nameRule.test(name) && name !== '__proto__') return { name }
    throw malformed(text, `'${name}' cannot be the name of a parameter, which stands for one whole segment`)
  }
  if (literalRule.test(part) && part !== '.' && part !== '..') return { literal: part }
  throw malformed(text, `'${part}' is neither a parameter in braces nor plain text that needs no encoding`)
}

function malformed(text: string, problem: string): TypeError {
  return new TypeError(`router: the path '${text}' is malformed: ${problem}`)
}

/**
 * The path of a template with the parameters filled in, each percent-encoded: the inverse of the router's match.
 * A client that calls often passes the parsed template.
 *
 * Throws `CallError` `invalid_argument`/`INVALID_PATH`, never sent, when a parameter is missing or empty, `.` or `..`, or has a NUL,
 * a backslash or half a surrogate pair: servers and proxies on the way would not read back what was meant.
 */
export function pathOf(pattern: string | PathPattern, params: Readonly<Record<string, string>>): string {
  const { segments, verb } = typeof pattern === 'string' ? parsePattern(pattern) : pattern
  if (segments.length === 0) return '/'
  let path = ''
  for (const segment of segments) {
    path += `/${'literal' in segment ? segment.literal : encode(segment.name, params[segment.name])}`
  }
  return verb === undefined ? path : `${path}:${verb}`
}

function encode(name: string, value: string | undefined): string {
  // An inherited name (`constructor`) counts as missing.
  if (typeof value !== 'string' || value === '') throw unsendable(name, 'is missing or empty')
  if (value === '.' || value === '..') throw unsendable(name, `cannot be '${value}' in a path`)
  if (value.includes('\0') || value.includes('\\')) throw unsendable(name, 'has a NUL or a backslash')
  if (!value.isWellFormed()) throw unsendable(name, 'has half a surrogate pair in its text')
  return encodeURIComponent(value)
}

function unsendable(name: string, problem: string): CallError {
  return new CallError<never>(
    failureOf('invalid_argument', 'INVALID_PATH', `the path parameter '${name}' ${problem}`, { ran: 'no' }),
  )
}
