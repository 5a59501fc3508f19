// The caller's token for one that is good at the next hop (RFC 8693): the caller's identity goes there, and nobody who sees the new token
// can use it where the old one opens.
import { type Awaitable, type Context, type Failure, failed, type Left } from '../../core/index.js'
import { checkedOptions, numberOption, type OptionRules } from '../../core/option-rules.js'
import { authorizationOf } from '../credential.js'
import { type IssuedToken, tokenUnavailable } from '../kept-token.js'
import { callersTokenRefused, issuedOf } from './issued.js'
import { OAuthEndpoint } from './oauth-endpoint.js'
import { type TokenAnswer, TokenAnswers, type TokenAnswersBounds } from './token-answers.js'
import { type TokenRequestOptions, type TokenRequestSettings, tokenForm, tokenRequestRules } from './token-request.js'

/** Options of {@link tokenExchange}. */
export interface TokenExchangeOptions extends TokenRequestOptions {
  /** How many tokens are remembered by those that they were got for: 0 to 1 000 000. Until shortly before their end. @defaultValue 1 000 */
  readonly maxRemembered?: number
  /** How many are got at the same time: 1 or more. Calls of other callers fail meanwhile. @defaultValue 1 000 */
  readonly maxAsking?: number
  /**
   * How long before its end a token is not used any more, in ms: 0 or more, at most half of its life. @defaultValue 10 000
   */
  readonly earlyMs?: number
}

type Settings = TokenRequestSettings & TokenAnswersBounds & { readonly earlyMs: number }

const rules: OptionRules<Settings> = {
  ...tokenRequestRules,
  maxRemembered: numberOption({ fallback: 1_000, min: 0, max: 1_000_000, integer: true }),
  maxAsking: numberOption({ fallback: 1_000, min: 1, integer: true }),
  earlyMs: numberOption({ fallback: 10_000, min: 0 }),
}

/** How long a refusal of the caller's token is remembered. */
const refusedMaxAgeMs = 5_000

/**
 * What `bearerTokenPerCall` needs to send, with the calls made in a handler, a token that speaks for its caller: got for the bearer token
 * of the call being handled, once for all calls that it brings.
 *
 * Fails with `unauthenticated`/`CREDENTIALS_MISSING` where the caller showed no bearer token, with `CREDENTIALS_REJECTED` where the server
 * does not accept it (`invalid_grant`, `invalid_request`), with `unavailable`/`TOKEN_UNAVAILABLE` for all else; each `ran: 'no'`.
 * Throws `TypeError` or `RangeError` as `clientCredentials` does.
 *
 * @example
 * ```ts no-run
 * import { bearerTokenPerCall } from 'tenon/auth'
 * import { tokenExchange } from 'tenon/auth/oauth2'
 *
 * export const forCaller = bearerTokenPerCall(
 *   tokenExchange({
 *     url: 'https://login.shop/token',
 *     client: { id: 'orders', secret: process.env['OAUTH_SECRET'] ?? '' },
 *     resource: 'https://stock.shop',
 *   }),
 * )
 * ```
 */
export function tokenExchange(
  options: TokenExchangeOptions,
): (context: Context) => Awaitable<IssuedToken | Left<Failure>> {
  const { url, client, ...given } = options
  const settings = checkedOptions<Settings>('tokenExchange', rules, { base: undefined, given })
  const endpoint = new OAuthEndpoint('tokenExchange', { url, client }, settings)
  const answers = new TokenAnswers<IssuedToken>(settings)
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    ...tokenForm(settings),
  }
  const ask = async (token: string, { clock }: Context): Promise<TokenAnswer<IssuedToken>> => {
    const askedAt = clock.wallTime()
    try {
      const answer = await endpoint.post({ ...form, subject_token: token }, clock)
      if (answer.status === 400 && isCallers(answer.body?.['error']))
        return { value: callersTokenRefused(endpoint.unexpected(answer)), until: clock.wallTime() + refusedMaxAgeMs }
      const value = issuedOf(answer, { endpoint, askedAt, ttlMs: settings.ttlMs })
      return { value, until: '_tag' in value ? 0 : usedUntil(value, askedAt, settings.earlyMs) }
    } catch (thrown) {
      return { value: tokenUnavailable(thrown), until: 0 }
    }
  }
  return context => {
    const found = authorizationOf(context, 'bearer')
    if (found === undefined) return noToken()
    if (found === 'malformed') return callersTokenRefused('the bearer token is not written as RFC 6750 has it')
    return (
      answers.get(found.value, context.clock.wallTime(), () => ask(found.value, context)) ??
      tokenUnavailable(`more than ${settings.maxAsking} tokens are exchanged at once`)
    )
  }
}

/** Whether an error is about the token that was shown (RFC 8693, section 2.2.2), and not about us. */
function isCallers(error: unknown): boolean {
  return error === 'invalid_grant' || error === 'invalid_request'
}

function usedUntil({ expiresAt }: IssuedToken, askedAt: number, earlyMs: number): number {
  return expiresAt - Math.min(earlyMs, (expiresAt - askedAt) / 2)
}

function noToken(): Left<Failure> {
  return failed('unauthenticated', 'CREDENTIALS_MISSING', 'the call being handled has no bearer token to exchange', {
    ran: 'no',
  })
}
