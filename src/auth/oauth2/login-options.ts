// What there is to say about a login.
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type Awaitable, type Clock, type Context, setCookie, systemClock } from '../../core/index.js'
import { isLocalPath } from '../../core/local-path.js'
import {
  functionOption,
  numberOption,
  type OptionRule,
  type OptionRules,
  objectOption,
  optional,
} from '../../core/option-rules.js'
import type { Store } from '../../store/index.js'
import type { CrossSiteOptions } from '../cross-site.js'
import type { Scheme } from '../scheme.js'
import { isLocal } from '../trusted-url.js'
import type { OAuthClient } from './oauth-client.js'
import { type NetworkOptions, networkRules } from './oauth-endpoint.js'

/** What a login needs of sessions: `sessions()` of `tenon/auth/session` has it. */
export interface LoginSessions<P extends object> {
  /** Who has a session. */
  readonly scheme: Scheme<P>
  /**
   * Begins one under a new word, and ends the one that came with the call; with `crossSite: 'allow'`, since it is the provider who sent the
   * browser here, and it has been proven that this browser went there.
   */
  start(context: Context, principal: P, options: CrossSiteOptions): Promise<void>
  /** Ends the one that came with the call. */
  end(context: Context): Promise<void>
}

/** Who came back from the provider. */
export interface LoggedIn<C> {
  /** Of the ID token, as the schema gives them. */
  readonly claims: C
  /** The ID token itself: for `idToken`, so that a logout can say whose it is. */
  readonly idToken: string
  /** A token for the provider's and other services' calls on behalf of who logged in. */
  readonly accessToken: string
  /** Another access token can be had for it, where the provider gives one. */
  readonly refreshToken: string | undefined
}

/** Options of {@link login}. */
export interface LoginOptions<
  S extends StandardSchemaV1<unknown, object>,
  P extends object = StandardSchemaV1.InferOutput<S>,
> extends NetworkOptions {
  /** The provider: what is before `/.well-known/openid-configuration`. `https://`, or `http://` on this machine. */
  readonly issuer: string
  /** Who this program is to it. */
  readonly client: OAuthClient
  /** Where `callback` is served, as browsers see it and as the provider knows it: an absolute URL without query. */
  readonly redirectUri: string
  /** Where who logged in is remembered. */
  readonly sessions: LoginSessions<P>
  /** What the claims of an ID token must look like, as a schema of any library. */
  readonly claims: S
  /** Who that is to us, and what its session keeps; `undefined` refuses. @defaultValue the claims, as the schema gives them */
  readonly principal?: (
    loggedIn: LoggedIn<StandardSchemaV1.InferOutput<S>>,
    context: Context,
  ) => Awaitable<P | undefined>
  /**
   * The ID token that a principal was made of, where its session keeps it: with it many providers log out without asking.
   * @defaultValue they are told which client asks, and whoever logs out is asked there
   */
  readonly idToken?: (principal: P) => string | undefined
  /** What is asked of the provider. @defaultValue ['openid'] */
  readonly scopes?: readonly ['openid', ...string[]]
  /** More for the provider: `{ prompt: 'select_account' }`. @defaultValue none */
  readonly parameters?: Readonly<Record<string, string>>
  /** Where a browser goes after a login that named no other place: a path of this server. @defaultValue '/' */
  readonly afterLogin?: string
  /** Where it goes after a logout: a path of this server, whose URL the provider has to know. @defaultValue '/' */
  readonly afterLogout?: string
  /** How long a login may take, in ms: 1 000 to 3 600 000. @defaultValue 600 000, ten minutes */
  readonly pendingMs?: number
  /** The cookie for logins on their way. @defaultValue '__Host-login' */
  readonly cookie?: string
  /**
   * Where the logins that have come to their end are noted, so that none does twice; shared by all processes of a service.
   * @defaultValue memoryStore(), for one process
   */
  readonly store?: Store
  /** Bounds what is asked of the provider; the rest goes by the clocks of calls. @defaultValue systemClock */
  readonly clock?: Clock
}

type Schema = StandardSchemaV1<unknown, object>
type Checked = 'redirectUri' | 'scopes' | 'parameters' | 'afterLogin' | 'afterLogout' | 'pendingMs' | 'cookie'

/** What {@link login} works with, whatever claims and principals are. */
export type LoginSettings = Required<NetworkOptions> &
  Required<Pick<LoginOptions<Schema>, Checked>> & {
    readonly claims: Schema
    readonly sessions: object
    readonly store: Store
    readonly clock: Clock
    readonly principal: unknown
    readonly idToken: unknown
  }

/** The options that are the flow's own: what `state` and its like are, nobody else says. */
const own =
  /^(client_id|redirect_uri|response_type|response_mode|scope|state|nonce|code_challenge|code_challenge_method|request|request_uri)$/

/** What each option may be, but who the provider is and who we are to it. */
export function loginRules(store: Store): OptionRules<LoginSettings> {
  return {
    ...networkRules,
    redirectUri: {
      must: 'be an absolute URL without query: https, or http on this machine',
      allows: value => typeof value === 'string' && isRedirectUri(value),
    },
    claims: {
      must: 'be a Standard Schema',
      allows: value => typeof (value as Partial<Schema>)['~standard']?.validate === 'function', // read where it is one
    },
    sessions: { must: 'be sessions', allows: isSessions },
    store: objectOption<Store>(['compareAndSet'], store),
    clock: objectOption<Clock>(['now', 'wallTime', 'setTimer'], systemClock),
    principal: optional(functionOption<unknown>()),
    idToken: optional(functionOption<unknown>()),
    scopes: {
      fallback: ['openid'],
      must: 'be a list of scopes, openid first',
      allows: value => Array.isArray(value) && value[0] === 'openid' && value.every(isScope),
    },
    parameters: {
      fallback: {},
      must: 'be texts by name, and none that is the flow’s own',
      allows: value =>
        typeof value === 'object' &&
        Object.entries(value ?? {}).every(([name, text]) => typeof text === 'string' && !own.test(name)),
    },
    afterLogin: path('/'),
    afterLogout: path('/'),
    pendingMs: numberOption({ fallback: 600_000, min: 1_000, max: 3_600_000 }),
    cookie: { fallback: '__Host-login', must: 'be the name of a cookie', allows: isCookieName },
  }
}

function isSessions(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { scheme, start, end } = value as Partial<LoginSessions<never>> // read where it has them
  return [scheme?.verify, start, end].every(method => typeof method === 'function')
}

function isRedirectUri(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  return (url.protocol === 'https:' || isLocal(url)) && url.search + url.hash + url.username === ''
}

function isScope(scope: unknown): boolean {
  return typeof scope === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)
}

function path(fallback: string): OptionRule<string> {
  return {
    fallback,
    must: 'be a path of this server',
    allows: value => typeof value === 'string' && isLocalPath(value),
  }
}

function isCookieName(value: unknown): boolean {
  try {
    setCookie({ header: () => {} }, String(value), '')
    return true
  } catch {
    return false
  }
}
