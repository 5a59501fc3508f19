// Server-side sessions (OWASP's Session Management): the browser has a random word and nothing else, so that ending a session ends it.
// What the word stands for lies in a store that all processes share, under a hash of the word and of whose sessions these are: who reads
// the store cannot log in, and a word of customers' sessions is worth nothing as one of staff.
import { randomBytes } from 'node:crypto'
import { CallError, type Context, clearCookie, cookiesOf, setCookie } from '../../core/index.js'
import { memoryStore, type Store } from '../../store/index.js'
import { type CrossSiteOptions, crossSiteRule } from '../cross-site.js'
import { sha256 } from '../same-secret.js'
import type { Scheme, Verdict } from '../scheme.js'

/** Options of {@link sessions}. */
export interface SessionsOptions extends CrossSiteOptions {
  /** Where sessions lie; shared by all processes of a service. @defaultValue memoryStore(), for one process */
  readonly store?: Store
  /** How long a session lasts without a call, in ms; more than 0. @defaultValue 1 800 000, half an hour */
  readonly idleMs?: number
  /** How long a session lasts at most, in ms; at least `idleMs`. @defaultValue 43 200 000, twelve hours */
  readonly maxAgeMs?: number
  /** The cookie's name. One that begins with `__Host-` can be set by this host alone. @defaultValue '__Host-session' */
  readonly cookie?: string
  /**
   * Whose sessions these are: a word is worth nothing under another realm, nor under another cookie's name. Services that share a store, and
   * both call the cookie alike, need one each. @defaultValue ''
   */
  readonly realm?: string
  /** When browsers send it: `lax`, also when a link from elsewhere is followed; `strict`, never then. @defaultValue 'lax' */
  readonly sameSite?: 'lax' | 'strict'
}

/** Sessions of principals `P`, which have to survive JSON. */
export interface Sessions<P extends object> {
  /** Lets in who has a session: for `authenticate` and `authenticateOptional`. */
  readonly scheme: Scheme<P>
  /**
   * Logs in: begins a session under a new word, ends the one that came with the call, and sends the cookie. Call it only when it is proven
   * who that is. Throws `CallError` `unavailable`/`STORE_UNAVAILABLE` where the store is gone, and `TypeError` for a principal that is
   * no JSON object.
   *
   * Throws `CallError` `permission_denied`/`CROSS_SITE_REQUEST` for a call that another site made the browser send, of a `safe` method, too:
   * it would log a user in as somebody else. With `crossSite: 'allow'` it does not, for a way back from elsewhere that proves itself that
   * this browser has gone there, as `login` of `tenon/auth/oauth2` does. @defaultValue that of the sessions
   */
  start(context: Context, principal: P, options?: CrossSiteOptions): Promise<void>
  /**
   * Logs out: ends the session that came with the call, if any, everywhere and at once, and has the browser forget the cookie. Throws
   * `STORE_UNAVAILABLE` as {@link start}. It does not ask who made the browser send the call: have `authenticateOptional(scheme)` around the
   * endpoint, which refuses those of other sites.
   */
  end(context: Context): Promise<void>
}

interface Session<P> {
  readonly principal: P
  /** On the wall clock, as the next one: the processes share no other. */
  readonly startedAt: number
  readonly seenAt: number
}

// 128 bits in base64url.
const wordRule = /^[A-Za-z0-9_-]{22}$/

/**
 * Makes sessions. A call whose session has ended, or never was, has no credential, and the browser is told to forget the cookie; where
 * the store is gone it fails with `unavailable`/`STORE_UNAVAILABLE`. A call of a method that is not `safe` fails with
 * `permission_denied`/`CROSS_SITE_REQUEST` where a browser says that another origin made it.
 *
 * Throws `RangeError` for times out of range, and `TypeError` for a realm that is no text and a cookie's name that none can have.
 *
 * @example
 * ```ts
 * import { fromPromise } from 'tenon'
 * import { authenticate } from 'tenon/auth'
 * import { sessions } from 'tenon/auth/session'
 *
 * const users = sessions<{ id: string }>()
 * export const login = fromPromise(async ({ id }: { id: string }, context) => {
 *   await users.start(context, { id }) // after the password has been checked
 *   return { welcome: id }
 * })
 * export const guarded = authenticate(users.scheme)
 * ```
 */
export function sessions<P extends object>(options: SessionsOptions = {}): Sessions<P> {
  return new StoredSessions<P>(options)
}

class StoredSessions<P extends object> implements Sessions<P> {
  readonly #store: Store
  readonly #idleMs: number
  readonly #maxAgeMs: number
  readonly #cookie: string
  readonly #realm: string
  readonly #sameSite: 'lax' | 'strict'
  readonly #crossSite: 'refuse' | 'allow'
  readonly scheme: Scheme<P>

  constructor(options: SessionsOptions) {
    const { store = memoryStore(), idleMs = 1_800_000, maxAgeMs = 43_200_000, sameSite = 'lax' } = options
    const { cookie = '__Host-session', realm = '', crossSite = 'refuse' } = options
    if (!(idleMs > 0)) throw new RangeError(`sessions: idleMs must be more than 0, got ${idleMs}`)
    if (!(maxAgeMs >= idleMs)) throw new RangeError(`sessions: maxAgeMs must be at least idleMs, got ${maxAgeMs}`)
    if (sameSite !== 'lax' && sameSite !== 'strict')
      throw new RangeError(`sessions: sameSite must be 'lax' or 'strict', got '${String(sameSite)}'`)
    if (typeof realm !== 'string') throw new TypeError('sessions: realm must be text')
    setCookie({ header: () => {} }, cookie, '', { sameSite }) // throws for a name that no cookie can have
    this.#store = store
    this.#idleMs = idleMs
    this.#maxAgeMs = maxAgeMs
    this.#cookie = cookie
    this.#realm = JSON.stringify([cookie, realm])
    this.#sameSite = sameSite
    const refusal = crossSiteRule('sessions', { crossSite })
    this.#crossSite = crossSite
    this.scheme = {
      name: 'session',
      verify: (context, method) =>
        this.#isShown(context) ? (refusal(context, method) ?? this.#find(context)) : undefined,
    }
  }

  async start(context: Context, principal: P, { crossSite = this.#crossSite }: CrossSiteOptions = {}): Promise<void> {
    const refused = crossSiteRule('sessions', { crossSite })(context, undefined)
    if (refused !== undefined) throw new CallError(refused.left)
    const now = context.clock.wallTime()
    const text = written({ principal, startedAt: now, seenAt: now })
    const word = randomBytes(16).toString('base64url')
    const old = this.#wordOf(context)
    if (old !== undefined) await this.#store.delete(this.#keyOf(old))
    await this.#store.set(this.#keyOf(word), text, this.#idleMs)
    setCookie(context.reply, this.#cookie, word, { sameSite: this.#sameSite })
  }

  async end(context: Context): Promise<void> {
    const word = this.#wordOf(context)
    if (word !== undefined) await this.#store.delete(this.#keyOf(word))
    clearCookie(context.reply, this.#cookie, { sameSite: this.#sameSite })
  }

  /** Where a word's session lies. Words are of one length, so that no two realms have a key in common. */
  #keyOf(word: string): string {
    return `session:${sha256(this.#realm + word)}`
  }

  #wordOf(context: Context): string | undefined {
    const word = cookiesOf(context).get(this.#cookie)
    return word !== undefined && wordRule.test(word) ? word : undefined
  }

  #isShown(context: Context): boolean {
    return cookiesOf(context).has(this.#cookie)
  }

  async #find(context: Context): Promise<Verdict<P>> {
    const word = this.#wordOf(context)
    const text = word === undefined ? undefined : await this.#store.get(this.#keyOf(word))
    const session = text === undefined ? undefined : (JSON.parse(text) as Session<P>) // as `written` wrote it
    const now = context.clock.wallTime()
    if (word === undefined || text === undefined || session === undefined || this.#isOver(session, now)) {
      clearCookie(context.reply, this.#cookie, { sameSite: this.#sameSite })
      return undefined
    }
    await this.#renew(word, { text, session, now })
    return { principal: session.principal }
  }

  #isOver({ startedAt, seenAt }: Session<P>, now: number): boolean {
    return now - startedAt >= this.#maxAgeMs || now - seenAt >= this.#idleMs
  }

  /** Has the session last from now on, now and then: not each call needs to write. One that has been ended meanwhile stays so. */
  async #renew(
    word: string,
    { text, session, now }: { text: string; session: Session<P>; now: number },
  ): Promise<void> {
    if (now - session.seenAt < this.#idleMs / 10) return
    const ttlMs = Math.min(this.#idleMs, session.startedAt + this.#maxAgeMs - now)
    await this.#store.compareAndSet(this.#keyOf(word), { from: text, to: written({ ...session, seenAt: now }), ttlMs })
  }
}

function written<P>(record: Session<P>): string {
  const { principal } = record
  if (typeof principal !== 'object' || principal === null) throw new TypeError('sessions: a principal is an object')
  return JSON.stringify(record)
}
