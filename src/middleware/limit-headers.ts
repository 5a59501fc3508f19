// What a reply says of a limit: `RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-10. `Retry-After` is the
// transport's affair: it follows from the failure.
import type { Context } from '../core/index.js'
import type { Limit, Taken } from '../store/limit.js'

/** The largest that an integer of structured fields may be. */
const largest = 999_999_999_999_999

/** Adds both to the reply, after those of limits further out or in. */
export function sayLimit(context: Context, policy: string, { limit, taken }: { limit: Limit; taken: Taken }): void {
  const name = `"${policy.replace(/[^\x20-\x7e]|["\\]/g, '_')}"` // a string of structured fields (RFC 9651)
  const seconds = Math.max(1, Math.ceil(limit.windowMs / 1_000))
  const quota = Math.floor((limit.limit * seconds * 1_000) / limit.windowMs)
  add(context, 'ratelimit-policy', `${name};q=${integer(quota)};w=${integer(seconds)}`)
  add(context, 'ratelimit', `${name};r=${integer(taken.remaining)};t=${integer(Math.ceil(taken.resetMs / 1_000))}`)
}

function integer(value: number): number {
  return Math.min(value, largest)
}

function add({ reply }: Context, name: string, item: string): void {
  const others = reply.headers.get(name)
  reply.header(name, others === undefined ? item : `${others}, ${item}`)
}
