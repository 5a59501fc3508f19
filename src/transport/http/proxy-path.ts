// The path that a proxy sends on: refused where two readers could take it for different ones, and written in one way where there are
// several. Whoever checks access at the proxy and whoever answers behind it must see the same path.
import { CallError } from '../../core/index.js'
import { notRun } from '../wire-headers.js'
import { readPath } from './request-path.js'

/** Separators, dots and NUL, encoded once where that hides them from one reader, and twice where it hides them from another. */
const ambiguous = /%(?:2f|5c|00)|%25(?:2e|2f|5c|00)/i
/** A segment whose parameters may be cut off: `..;x` is `..` to some. */
const dotsWithParameters = /(?:^|\/)\.{1,2}(?:;|$|\/)/

/**
 * Path and query in one form: letters and digits not encoded, the rest with capital hex digits. Throws `CallError`
 * `invalid_argument`/`INVALID_PATH`, `ran: 'no'`, for empty and dot segments, encoded slashes, backslashes and NULs, and what is
 * not percent-encoded UTF-8.
 */
export function canonicalUrl(url: string): string {
  const at = url.indexOf('?')
  const [path, query] = at === -1 ? [url, ''] : [url.slice(0, at), url.slice(at)]
  const written = path.replace(/%[0-9a-f]{2}/gi, inOneForm)
  const read = readPath(written)
  if ('message' in read) throw invalid(read.message)
  if (ambiguous.test(written)) throw invalid('the path has an encoded slash, backslash or NUL')
  if (written.includes('//') || dotsWithParameters.test(written))
    throw invalid('the path has an empty or a dot segment')
  if (!/^[\x21\x22\x24-\x7e]*$/.test(query)) throw invalid('the query has characters that must be percent-encoded')
  return written + query
}

function inOneForm(encoded: string): string {
  const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
  return /[\w.~-]/.test(character) ? character : encoded.toUpperCase()
}

function invalid(message: string): CallError<never> {
  return new CallError<never>(notRun('invalid_argument', 'INVALID_PATH', message))
}
