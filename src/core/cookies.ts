// The cookies that a caller sent (RFC 6265, section 5.4 seen from the server). In core, because a credential arrives the same way on
// every transport, and sessions, which know no transport, read theirs here (docs/decisions/0009-cookies-in-core.md).
import type { Context } from './context.js'
import type { Metadata } from './metadata.js'

/** The most cookies that are read: browsers keep fewer for one site. */
const maxCookies = 256
/** The most characters that are read: what HTTP allows all headers together. */
const maxLength = 16_384

const known: WeakMap<Metadata, ReadonlyMap<string, string>> = new WeakMap()
const none: ReadonlyMap<string, string> = new Map()

/**
 * The cookies of a call by name, case and all, decoded. Read when first asked for, once for each call. Never throws: what is not
 * `name=value` is left out, and so is what comes after the 256th cookie or 16,384 characters; a value that is not percent-encoded is
 * given as it is, a quoted one without its quotes. Of several with one name the first counts: browsers send the one with the longest
 * path first. A cookie is the caller's own word unless it is signed or looked up; its name tells who could set it only with the prefix
 * `__Host-` (see {@link setCookie}).
 */
export function cookiesOf({ metadata }: Context): ReadonlyMap<string, string> {
  const header = metadata.get('cookie')
  if (header === undefined) return none
  let cookies = known.get(metadata)
  if (cookies === undefined) {
    cookies = parseCookies(header)
    known.set(metadata, cookies)
  }
  return cookies
}

/** The cookies in the value of a `cookie` header. */
export function parseCookies(header: string): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>()
  const length = Math.min(header.length, maxLength)
  for (let start = 0, count = 0; start < length && count < maxCookies; count++) {
    const semicolon = header.indexOf(';', start)
    const end = semicolon === -1 ? header.length : semicolon
    const equals = header.indexOf('=', start)
    if (equals !== -1 && equals < end && end <= maxLength) {
      const name = trimmed(header, start, equals)
      if (name !== '' && !cookies.has(name)) cookies.set(name, decoded(unquoted(trimmed(header, equals + 1, end))))
    }
    start = end + 1
  }
  return cookies
}

/** Without spaces and tabs around it. Not `trim`: whoever may set `\u2000__Host-id` would have set `__Host-id`. */
function trimmed(text: string, start: number, end: number): string {
  let [from, to] = [start, end]
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

function unquoted(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}

function decoded(value: string): string {
  if (!value.includes('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
