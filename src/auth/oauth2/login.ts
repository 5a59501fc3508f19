// People in browsers, logged in by a provider of OpenID Connect: the authorization code flow with PKCE (RFC 6749, 7636, 9700), ending in a
// session. Three endpoints that know no transport: what they say to the browser are a cookie and a `location`.
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type Endpoint, fromPromise } from '../../core/index.js'
import { checkedOptions } from '../../core/option-rules.js'
import { memoryStore } from '../../store/index.js'
import { type CallbackRequest, LoginFlow, type LoginRequest, type Redirected } from './login-flow.js'
import { type LoginOptions, type LoginSettings, loginRules } from './login-options.js'
import { OpenidProvider } from './openid-provider.js'

/** The endpoints of a login; all are redirects. */
export interface Login {
  /**
   * Sends the browser to the provider. For a `GET` that is `safe`. Fails with `invalid_argument`/`UNSAFE_REDIRECT` for a `returnTo` that is
   * no path of this server, or longer than 1,024 characters, with `unavailable`/`PROVIDER_UNAVAILABLE` where the provider cannot be reached.
   */
  readonly start: Endpoint<LoginRequest, Redirected>
  /**
   * Where the provider sends it back: begins a session, under a new word. For a `GET` that is `safe`. Fails with
   * `failed_precondition`/`LOGIN_NOT_BEGUN` where this browser has not begun this login, has come back before, or too late; with
   * `unauthenticated`/`LOGIN_REFUSED` where the provider or `principal` says no; with `unavailable`/`PROVIDER_UNAVAILABLE`.
   */
  readonly callback: Endpoint<CallbackRequest, Redirected>
  /**
   * Ends the session, here and, where the provider has a place for that, there. For a `POST`. Fails with
   * `permission_denied`/`CROSS_SITE_REQUEST` where another site sent the browser.
   */
  readonly logout: Endpoint<object, Redirected>
}

/**
 * Makes the endpoints of a login. Nothing is asked of the provider before the first one begins, and nothing is kept here for those that are
 * on their way: the browser has a cookie for them, for ten minutes, and at most four.
 *
 * Throws `TypeError` where openid-client is not installed, `TypeError` or `RangeError` for options that are missing or unsafe.
 *
 * @example
 * ```ts no-run
 * import { login } from 'tenon/auth/oauth2'
 * import { sessions } from 'tenon/auth/session'
 * import { z } from 'zod'
 *
 * export const users = sessions<{ id: string; name: string }>()
 * export const { start, callback, logout } = login({
 *   issuer: 'https://login.example',
 *   client: { id: 'shop', secret: process.env['OAUTH_SECRET'] ?? '' },
 *   redirectUri: 'https://shop.example/login/callback',
 *   sessions: users,
 *   scopes: ['openid', 'profile'],
 *   claims: z.object({ sub: z.string(), name: z.string() }),
 *   principal: ({ claims }) => ({ id: claims.sub, name: claims.name }),
 * })
 * ```
 */
export function login<S extends StandardSchemaV1<unknown, object>, P extends object = StandardSchemaV1.InferOutput<S>>(
  options: LoginOptions<S, P>,
): Login {
  const { issuer, client, ...given } = options
  const settings = checkedOptions<LoginSettings>('login', loginRules(memoryStore()), { base: undefined, given })
  const provider = new OpenidProvider('login', { issuer, client }, settings)
  const flow = new LoginFlow(options, settings, provider)
  return {
    start: fromPromise((request: LoginRequest, context) => flow.start(request, context)),
    callback: fromPromise((request: CallbackRequest, context) => flow.callback(request, context)),
    logout: fromPromise((_: object, context) => flow.logout(context)),
  }
}
