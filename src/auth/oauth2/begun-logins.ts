// Logins that a browser has begun, kept by the browser: one random word each, of which state, nonce and PKCE verifier are derived, and where
// to go afterwards. The server keeps nothing until somebody comes back, so that beginning a million logins costs it nothing, and no other
// login is lost to that. What the cookie says binds the answer to this browser; the path is judged again when it is read.
import { createHmac, randomBytes } from 'node:crypto'
import { type Context, clearCookie, cookiesOf, setCookie } from '../../core/index.js'
import { isLocalPath } from '../../core/local-path.js'
import { isSameSecret } from '../same-secret.js'

/** A login on its way. */
export interface BegunLogin {
  /** 256 random bits, which only this browser and this request know. */
  readonly word: string
  /** When it began, in ms by the wall clock. */
  readonly at: number
  /** A path of this server. */
  readonly returnTo: string
}

/** What is derived of a word. None of the three tells anything about another. */
export interface LoginSecrets {
  readonly state: string
  readonly nonce: string
  /** The verifier of PKCE: 43 characters. */
  readonly verifier: string
}

/** How many logins one browser may have on their way, in several tabs: the oldest goes. */
const maxBegun = 4

/** The longest path to go to afterwards. A cookie has 4 096 bytes, in which each character may need three. */
export const maxPathLength = 1_024

/** The longest value of the cookie. */
const maxCookieLength = 3_800

/** Begins a login. */
export function newLogin(at: number, returnTo: string): BegunLogin {
  return { word: randomBytes(32).toString('base64url'), at, returnTo }
}

/** The logins that a browser has on their way, in its cookie. */
export class BegunLogins {
  readonly #cookie: string
  readonly #pendingMs: number
  readonly #realm: string

  /** `realm`: which logins these are. A word is another login under another realm. Throws `TypeError` for a name that no cookie can have. */
  constructor(cookie: string, { pendingMs, realm }: { readonly pendingMs: number; readonly realm: string }) {
    setCookie({ header: () => {} }, cookie, '')
    this.#cookie = cookie
    this.#pendingMs = pendingMs
    this.#realm = realm
  }

  /** What goes to the provider of a login, or is compared with what comes from there. */
  secretsOf({ word }: BegunLogin): LoginSecrets {
    const derived = (purpose: string): string =>
      createHmac('sha256', word)
        .update(purpose + this.#realm)
        .digest('base64url')
    return { state: derived('state'), nonce: derived('nonce'), verifier: derived('verifier') }
  }

  /** Adds a login to those of the browser. */
  add(context: Context, login: BegunLogin): void {
    this.#write(context, [login, ...this.#read(context)].slice(0, maxBegun))
  }

  /** Takes the login of a state out of those of the browser; undefined where it has none of it, or has had it for too long. */
  take(context: Context, state: string): BegunLogin | undefined {
    const begun = this.#read(context)
    const found = begun.find(login => isSameSecret(this.secretsOf(login).state, state))
    if (found !== undefined)
      this.#write(
        context,
        begun.filter(login => login !== found),
      )
    return found
  }

  #read(context: Context): readonly BegunLogin[] {
    const now = context.clock.wallTime()
    const texts = (cookiesOf(context).get(this.#cookie) ?? '').split(' ', maxBegun)
    return texts.flatMap(text => readLogin(text) ?? []).filter(({ at }) => at <= now && now - at < this.#pendingMs)
  }

  #write(context: Context, begun: readonly BegunLogin[]): void {
    const texts = begun.map(({ word, at, returnTo }) => `${word}.${at}.${returnTo}`)
    while (encodeURIComponent(texts.join(' ')).length > maxCookieLength) texts.pop()
    if (texts.length === 0) clearCookie(context.reply, this.#cookie)
    else setCookie(context.reply, this.#cookie, texts.join(' '), { maxAgeSeconds: Math.ceil(this.#pendingMs / 1_000) })
  }
}

function readLogin(text: string): BegunLogin | undefined {
  const [, word = '', at = '', returnTo = ''] = /^([\w-]{43})\.(\d{1,15})\.(\/.*)$/.exec(text) ?? []
  if (!isLocalPath(returnTo) || returnTo.length > maxPathLength) return undefined
  return { word, at: Number(at), returnTo }
}
