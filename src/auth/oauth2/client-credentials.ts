// A service's own identity for its calls to others (RFC 6749, section 4.4), as a source for `bearerToken`, which keeps the token, replaces
// it before it ends, and leaves a server that failed alone.
import { type Clock, systemClock } from '../../core/index.js'
import { checkedOptions, objectOption } from '../../core/option-rules.js'
import type { TokenSource } from '../bearer-token.js'
import { tokenUnavailable } from '../kept-token.js'
import { issuedOf } from './issued.js'
import { OAuthEndpoint } from './oauth-endpoint.js'
import { type TokenRequestOptions, type TokenRequestSettings, tokenForm, tokenRequestRules } from './token-request.js'

/** Options of {@link clientCredentials}. */
export interface ClientCredentialsOptions extends TokenRequestOptions {
  /** The one of the program. @defaultValue systemClock */
  readonly clock?: Clock
}

/**
 * A source of tokens for `bearerToken`: one is got with the client's credentials whenever it is asked. Each failure is one of the call:
 * `unavailable`/`TOKEN_UNAVAILABLE`, with its cause for logs on this side, which holds neither token nor secret.
 *
 * Throws `TypeError` or `RangeError` for an address that others could answer for, and for a client that could prove nothing.
 *
 * @example
 * ```ts no-run
 * import { bearerToken } from 'tenon/auth'
 * import { clientCredentials } from 'tenon/auth/oauth2'
 *
 * export const asOrders = bearerToken(
 *   clientCredentials({
 *     url: 'https://login.shop/token',
 *     client: { id: 'orders', secret: process.env['OAUTH_SECRET'] ?? '' },
 *     scopes: ['stock:reserve'],
 *   }),
 * )
 * ```
 */
export function clientCredentials(options: ClientCredentialsOptions): TokenSource {
  const { url, client, ...given } = options
  const settings = checkedOptions<TokenRequestSettings & { readonly clock: Clock }>(
    'clientCredentials',
    { ...tokenRequestRules, clock: objectOption<Clock>(['now', 'wallTime', 'setTimer'], systemClock) },
    { base: undefined, given },
  )
  const endpoint = new OAuthEndpoint('clientCredentials', { url, client }, settings)
  const form = { grant_type: 'client_credentials', ...tokenForm(settings) }
  return async () => {
    const { clock, ttlMs } = settings
    const askedAt = clock.wallTime()
    try {
      return issuedOf(await endpoint.post(form, clock), { endpoint, askedAt, ttlMs })
    } catch (thrown) {
      return tokenUnavailable(thrown)
    }
  }
}
