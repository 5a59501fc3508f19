// A reply that browsers save as a file. Names are what people gave to files, headers are ASCII, and browsers disagree about escapes:
// `Content-Disposition` as RFC 6266 says, with what its appendix D advises against left out, and RFC 8187 for all other names.
import type { Reply } from '../../core/index.js'

/**
 * Makes a reply a download that is saved as `name`: any text, `"Umsätze" 2026.pdf` too, sent as `filename*` beside a `filename` in ASCII for
 * programs that do not read that. What no file name may hold, or what would show another name than it is, becomes `_`: slashes, backslashes,
 * control characters and those that turn the direction of text; halves of surrogate pairs as well. Throws `TypeError` for an empty name, for `.`
 * and `..`, and as `reply.header` does.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { testContext } from 'tenon'
 * import { attachment } from 'tenon/transport/http'
 *
 * const { reply } = testContext()
 * attachment(reply, '€ rates')
 * assert.equal(reply.headers.get('content-disposition'), `attachment; filename="_ rates"; filename*=UTF-8''%E2%82%AC%20rates`)
 * ```
 */
export function attachment(reply: Pick<Reply, 'header'>, name: string): void {
  if (typeof name !== 'string' || /^\.{0,2}$/.test(name))
    throw new TypeError(`attachment: ${JSON.stringify(name)} cannot be the name of a file`)
  const safe = name.replace(unsafe, '_')
  const plain = safe.replace(notPlain, '_')
  const exact = plain === safe ? '' : `; filename*=UTF-8''${encodeURIComponent(safe).replace(/['()*]/g, escaped)}`
  reply.header('content-disposition', `attachment; filename="${plain}"${exact}`)
}

const unsafe = /[\p{Cc}\p{Surrogate}/\\\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu
/** Quotes would have to be escaped, and some browsers decode what looks percent-encoded: neither is understood by all. */
const notPlain = /[^\x20-\x7e]|["%]/gu

/** `encodeURIComponent` leaves more than RFC 8187's `attr-char`. */
function escaped(letter: string): string {
  return `%${letter.charCodeAt(0).toString(16).toUpperCase()}`
}
