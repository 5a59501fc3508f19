// HTTP's Basic authentication (RFC 7617): user and password in each call. For tools and internal pages; for programs take keys or tokens.
import type { Awaitable, Context } from '../core/index.js'
import { authorizationOf, challengeOf } from './credential.js'
import { type CrossSiteOptions, crossSiteRule } from './cross-site.js'
import { rejected, type Scheme, verdictOf } from './scheme.js'

/** What a caller says to be. */
export interface UserAndPassword {
  readonly user: string
  readonly password: string
}

/** Options of {@link basic}. */
export interface BasicOptions<P> extends CrossSiteOptions {
  /** What the caller is asked to log in to; browsers show it. Visible ASCII without `"` and `\`. */
  readonly realm: string
  /**
   * Who that is; `undefined` where user or password is wrong. Has to take as long for a user who does not exist: {@link isPassword} does,
   * and so does {@link isSameSecret}.
   */
  readonly verify: (given: UserAndPassword, context: Context) => Awaitable<P | undefined>
}

/**
 * A scheme for user and password as `authorization: Basic …`. Fails with `unauthenticated`/`CREDENTIALS_REJECTED` alike, whichever of the
 * two is wrong, and for what is not base64 of UTF-8 with a colon. Browsers send again by themselves what was typed in once, so other sites
 * are refused as `crossSite` says. Passwords go over the wire as they are: with TLS only.
 *
 * @example
 * ```ts
 * import { basic, isSameSecret } from 'tenon/auth'
 *
 * export const operators = basic({
 *   realm: 'shop',
 *   verify: ({ user, password }) => {
 *     const known = isSameSecret(user, 'ops')
 *     return isSameSecret(password, process.env['OPS_PASSWORD'] ?? '') && known ? { id: 'ops' } : undefined
 *   },
 * })
 * ```
 */
export function basic<P extends object>(options: BasicOptions<P>): Scheme<P> {
  const { realm, verify } = options
  if (typeof verify !== 'function') throw new TypeError('basic: verify must be a function')
  if (typeof realm !== 'string') throw new TypeError('basic: realm must be text')
  const refusal = crossSiteRule('basic', options)
  return {
    name: 'basic',
    challenge: challengeOf('Basic', realm, 'charset="UTF-8"'),
    verify(context, method) {
      const found = authorizationOf(context, 'basic')
      if (found === undefined) return undefined
      const refused = refusal(context, method)
      if (refused !== undefined) return refused
      const given = found === 'malformed' ? undefined : decoded(found.value)
      if (given === undefined) return rejected('the Basic credentials are not written as RFC 7617 has it')
      return verdictOf(verify(given, context), 'user or password is wrong')
    },
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decoded(value: string): UserAndPassword | undefined {
  const bytes = Buffer.from(value, 'base64')
  if (bytes.toString('base64') !== value) return undefined // one way of writing it, so that two texts are not one secret
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    return undefined
  }
  const colon = text.indexOf(':')
  if (colon === -1 || hasControls(text)) return undefined
  return { user: text.slice(0, colon), password: text.slice(colon + 1) }
}

function hasControls(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}
