// What happens between a browser, this service and a provider, step by step. The order matters: nothing is believed before the state has been
// found in this browser's cookie, and the session begins last.
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type Context, type Failure, failed, type Left } from '../../core/index.js'
import { isLocalPath } from '../../core/local-path.js'
import { placesOf } from '../places-of.js'
import { sha256 } from '../same-secret.js'
import { type BegunLogin, BegunLogins, maxPathLength, newLogin } from './begun-logins.js'
import { loginFailureOf, loginNotBegun, loginRefused } from './login-failure.js'
import type { LoggedIn, LoginOptions, LoginSettings } from './login-options.js'
import type { Discovered, OpenidProvider } from './openid-provider.js'

/** What a browser asks for to be logged in. */
export interface LoginRequest {
  /** Where to go afterwards: a path of this server. @defaultValue `afterLogin` */
  readonly returnTo?: string | undefined
}

/** What the provider has the browser bring back. */
export interface CallbackRequest {
  readonly code?: string | undefined
  readonly state?: string | undefined
  /** Who says so (RFC 9207). */
  readonly iss?: string | undefined
  /** Why there is no code. */
  readonly error?: string | undefined
}

/** Nothing: the reply is a redirect. */
export type Redirected = Record<string, never>

type Ended = Redirected | Left<Failure>

/** What the endpoints of a login do. */
export class LoginFlow<S extends StandardSchemaV1<unknown, object>, P extends object> {
  readonly #options: LoginOptions<S, P>
  readonly #settings: LoginSettings
  readonly #provider: OpenidProvider
  readonly #begun: BegunLogins

  constructor(options: LoginOptions<S, P>, settings: LoginSettings, provider: OpenidProvider) {
    this.#options = options
    this.#settings = settings
    this.#provider = provider
    const { cookie, pendingMs, redirectUri } = settings
    const realm = JSON.stringify([options.issuer, options.client.id, redirectUri, cookie])
    this.#begun = new BegunLogins(cookie, { pendingMs, realm })
  }

  async start({ returnTo = this.#settings.afterLogin }: LoginRequest, context: Context): Promise<Ended> {
    if (!isLocalPath(returnTo) || returnTo.length > maxPathLength)
      return failed('invalid_argument', 'UNSAFE_REDIRECT', 'returnTo is no path of this server', { ran: 'no' })
    const found = await this.#provider.discovered(context)
    if ('_tag' in found) return found
    const { library, configuration } = found
    const login = newLogin(context.clock.wallTime(), returnTo)
    const { state, nonce, verifier } = this.#begun.secretsOf(login)
    const { scopes, parameters, redirectUri } = this.#settings
    const url = library.buildAuthorizationUrl(configuration, {
      ...parameters,
      redirect_uri: redirectUri,
      scope: scopes.join(' '),
      state,
      nonce,
      code_challenge: await library.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    this.#begun.add(context, login)
    return redirected(context, url.href)
  }

  async callback(request: CallbackRequest, context: Context): Promise<Ended> {
    const { state } = request
    const found = await this.#provider.discovered(context)
    if ('_tag' in found) return found // the login stays in the cookie: the page can be loaded again
    const login = state === undefined ? undefined : this.#begun.take(context, state)
    if (login === undefined) return loginNotBegun('there is no login of this state in the cookie')
    if (!(await this.#isFirst(login))) return loginNotBegun('this login has come to its end before')
    const loggedIn = await this.#exchange(request, login, found)
    if ('_tag' in loggedIn) return loggedIn
    const { principal } = this.#options
    // Without `principal`, P is what the schema gives.
    const who = principal === undefined ? (loggedIn.claims as object as P) : await principal(loggedIn, context)
    // Databases say null for nobody, and a comparison that failed says false.
    if (typeof who !== 'object' || who === null) return loginRefused('that is nobody known here')
    await this.#options.sessions.start(context, who, { crossSite: 'allow' }) // the state is of this browser
    return redirected(context, login.returnTo)
  }

  async logout(context: Context): Promise<Ended> {
    const { sessions, idToken } = this.#options
    const { afterLogout, redirectUri } = this.#settings
    const verdict = await sessions.scheme.verify(context, undefined)
    if (verdict === undefined) return redirected(context, afterLogout) // whoever sent the browser here ended nothing
    if (!('principal' in verdict)) return verdict
    await sessions.end(context)
    const found = await this.#provider.discovered(context)
    if ('_tag' in found || found.configuration.serverMetadata().end_session_endpoint === undefined)
      return redirected(context, afterLogout)
    const hint = idToken?.(verdict.principal)
    const url = found.library.buildEndSessionUrl(found.configuration, {
      post_logout_redirect_uri: new URL(afterLogout, redirectUri).href,
      ...(hint !== undefined && { id_token_hint: hint }),
    })
    return redirected(context, url.href)
  }

  /** Whether this login comes to its end for the first time, in any process. What is noted is worth nothing to who reads it. */
  #isFirst(login: BegunLogin): Promise<boolean> {
    const { store, pendingMs } = this.#settings
    return store.compareAndSet(`login:${sha256(this.#begun.secretsOf(login).state)}`, {
      from: undefined,
      to: 'ended',
      ttlMs: pendingMs,
    })
  }

  /** The code for tokens, and these for who that is. */
  async #exchange(
    request: CallbackRequest,
    login: BegunLogin,
    { library, configuration }: Discovered,
  ): Promise<LoggedIn<StandardSchemaV1.InferOutput<S>> | Left<Failure>> {
    const { state, nonce, verifier } = this.#begun.secretsOf(login)
    try {
      const tokens = await library.authorizationCodeGrant(configuration, this.#cameBackAt(request), {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
      })
      const result = await this.#options.claims['~standard'].validate(tokens.claims())
      if (result.issues !== undefined)
        return loginRefused(`the ID token does not fit the schema: ${placesOf(result.issues)}`)
      return {
        claims: result.value,
        idToken: tokens.id_token ?? '', // there is one: a nonce was expected in it
        accessToken: tokens.access_token,
        refreshToken: tokens.refresh_token,
      }
    } catch (thrown) {
      return loginFailureOf(thrown)
    }
  }

  /** The callback's URL as the provider wrote it, whatever a proxy has made of it since. */
  #cameBackAt({ code, state, iss, error }: CallbackRequest): URL {
    const url = new URL(this.#settings.redirectUri)
    for (const [name, value] of Object.entries({ code, state, iss, error }))
      if (value !== undefined) url.searchParams.set(name, value)
    return url
  }
}

function redirected({ reply }: Context, location: string): Redirected {
  reply.header('location', location)
  reply.header('cache-control', 'no-store')
  reply.status = 303
  return {}
}
