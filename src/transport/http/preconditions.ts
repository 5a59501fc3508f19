// Preconditions of methods that change something, RFC 9110 section 13: only the handler knows which version it is about to change,
// so it is the handler that asks.
import { CallError, type Context, failureOf } from '../../core/index.js'
import { stronglyEqual, tagsIn, weaklyEqual } from './entity-tag.js'

/**
 * Checks `If-Match` and `If-None-Match` against the version that a handler is about to change, so that nobody overwrites what he has
 * not seen (`If-Match: "v7"`), or creates what is there already (`If-None-Match: *`). Call it where nothing can come between it and
 * the change: inside the transaction. Does nothing where the caller asks for neither. A list that is malformed matches nothing, so
 * that a broken client does not overwrite either.
 *
 * Throws `CallError` `failed_precondition`/`PRECONDITION_FAILED`, which is 412 over HTTP.
 *
 * @param etag - the tag of the version there is, in quotes: `"v7"`; undefined where there is nothing yet
 */
export function checkPreconditions(context: Context, etag: string | undefined): void {
  const wanted = context.metadata.get('if-match')
  const unwanted = context.metadata.get('if-none-match')
  if (wanted !== undefined) {
    const tags = tagsIn(wanted)
    const isThere = etag !== undefined && (tags === '*' || tags?.some(tag => stronglyEqual(tag, etag)) === true)
    if (!isThere) throw failed('if-match')
  }
  if (unwanted !== undefined) {
    const tags = tagsIn(unwanted)
    const isThere = etag !== undefined && (tags === '*' || tags?.some(tag => weaklyEqual(tag, etag)) === true)
    if (isThere || tags === undefined) throw failed('if-none-match')
  }
}

function failed(name: string): CallError<never> {
  const message = `what is there now is not what '${name}' asks for`
  return new CallError<never>(
    failureOf('failed_precondition', 'PRECONDITION_FAILED', message, { details: { header: name } }),
  )
}
