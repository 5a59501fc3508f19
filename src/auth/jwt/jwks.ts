// Keys from a JWK Set on the network (RFC 7517), as issuers publish them. Tokens of strangers make it fetch, so it fetches once however many
// there are, and not again for a while; and an issuer that is down must not shut out everybody whose keys are known.
import { type Awaitable, type Clock, type Failure, type Left, systemClock } from '../../core/index.js'
import { fetchText } from '../fetch-text.js'
import { trustedUrl } from '../trusted-url.js'
import type { Algorithm } from './algorithm.js'
import { keyRuleOf } from './algorithm.js'
import { needJose } from './jose.js'
import { keysOf } from './jwk-set.js'
import type { BoundKey } from './key.js'
import type { KeyHint, KeySet, KeySource } from './key-source.js'
import { keysUnavailable } from './signature.js'

/** Options of {@link jwks}. */
export interface JwksOptions {
  /** Where the set is: `https://`, or `http://` on this machine. Redirects are not followed. */
  readonly url: string | URL
  /**
   * The algorithms that tokens may have. A key of the set that names no algorithm is for the first of these that fits it, and for no
   * other. HMAC is not possible: what is published is no secret.
   */
  readonly algorithms: readonly [Algorithm, ...Algorithm[]]
  /** How long the set is used without asking again, in ms: 1 000 or more. From its half on it is renewed beside the calls. @defaultValue 600 000 */
  readonly maxAgeMs?: number
  /** How much longer the keys are used while it cannot be fetched, in ms: 0 or more. @defaultValue 86 400 000, a day */
  readonly maxStaleMs?: number
  /**
   * How long it is left alone after a fetch for an unknown key, in ms: 0 or more. After one that failed no longer than 5 s.
   * @defaultValue 30 000
   */
  readonly cooldownMs?: number
  /** How long a fetch may take, in ms; more than 0. @defaultValue 5 000 */
  readonly timeoutMs?: number
  /** The largest set that is read, in bytes: 1 or more. @defaultValue 262 144 */
  readonly maxBytes?: number
  /** @defaultValue systemClock */
  readonly clock?: Clock
  /** Through a proxy, with certificates of one's own. @defaultValue Node's */
  readonly fetch?: typeof fetch
}

/** A source of keys that lives on the network. */
export interface Jwks extends KeySource {
  /** Fetches the set now, so that the first token need not wait. `undefined`: it is there; otherwise why it is not. Never rejects. */
  refresh(): Promise<Left<Failure> | undefined>
}

/**
 * Makes a source of keys for {@link jwt}. The set is fetched when the first token comes, once for all that wait. A token of an unknown key
 * fetches it again, at most once in `cooldownMs`, so that a new key is known at once and made-up ones cost nothing.
 *
 * Tokens fail with `unavailable`/`KEYS_UNAVAILABLE` where the set cannot be had and theirs is not known, or has not been confirmed for
 * `maxAgeMs` and `maxStaleMs` together. Throws `TypeError` or `RangeError` for an address that anybody on the way could answer for.
 *
 * @example
 * ```ts no-run
 * import { jwks, jwt } from 'tenon/auth/jwt'
 * import { z } from 'zod'
 *
 * export const customers = jwt({
 *   issuer: 'https://login.shop',
 *   audience: 'orders',
 *   keys: jwks({ url: 'https://login.shop/.well-known/jwks.json', algorithms: ['RS256'] }),
 *   clockToleranceMs: 5_000,
 *   claims: z.object({ sub: z.string() }),
 * })
 * ```
 */
export function jwks(options: JwksOptions): Jwks {
  return new RemoteKeys(checked(options))
}

/** An issuer that is starting, too, is asked again soon. */
const longestPauseMs = 5_000

const accept = 'application/jwk-set+json, application/json'

type Checked = Required<Omit<JwksOptions, 'url'>> & { readonly url: URL }

class RemoteKeys implements Jwks {
  readonly #options: Checked
  #set: KeySet | undefined
  #text: string | undefined
  #version = 0
  #fetching: Promise<Left<Failure> | undefined> | undefined
  #failure: Left<Failure> | undefined
  #confirmedAt = Number.NEGATIVE_INFINITY
  #leaveAloneUntil = Number.NEGATIVE_INFINITY

  constructor(options: Checked) {
    this.#options = options
  }

  current(): number | undefined {
    return this.#inForce() ? this.#version : undefined
  }

  find(hint: KeyHint): Awaitable<BoundKey | Left<Failure> | undefined> {
    const { cooldownMs } = this.#options
    const inForce = this.#inForce()
    const known = inForce ? this.#set?.find(hint) : undefined
    if (known !== undefined) return known
    if (this.#fetching === undefined) {
      if (!this.#mayFetch() && (inForce || this.#failure !== undefined)) return this.#failure
      if (inForce) this.#leaveAlone(cooldownMs) // whatever comes of it: unknown keys may be made up by the thousand
    }
    return this.#fetched().then(failure => (this.#inForce() ? this.#set?.find(hint) : undefined) ?? failure)
  }

  refresh(): Promise<Left<Failure> | undefined> {
    return this.#fetched()
  }

  /** Whether the set may be used as it is. Where it gets old, it is renewed beside the calls. */
  #inForce(): boolean {
    const { maxAgeMs, maxStaleMs } = this.#options
    const age = this.#now() - this.#confirmedAt
    if (age >= maxAgeMs + maxStaleMs) return false
    // One call waits for the issuer to confirm an old set; once that has failed, none does.
    if (age >= maxAgeMs && this.#failure === undefined) return false
    if (age >= maxAgeMs / 2 && this.#mayFetch()) void this.#fetched()
    return true
  }

  #now(): number {
    return this.#options.clock.now()
  }

  #mayFetch(): boolean {
    return this.#now() >= this.#leaveAloneUntil
  }

  #leaveAlone(forMs: number): void {
    this.#leaveAloneUntil = Math.max(this.#leaveAloneUntil, this.#now() + forMs)
  }

  /** The fetch that goes on, or a new one. Never rejects. */
  #fetched(): Promise<Left<Failure> | undefined> {
    this.#fetching ??= this.#fetch().then(failure => {
      this.#fetching = undefined
      this.#failure = failure
      if (failure !== undefined) this.#leaveAlone(Math.min(longestPauseMs, this.#options.cooldownMs))
      return failure
    })
    return this.#fetching
  }

  async #fetch(): Promise<Left<Failure> | undefined> {
    try {
      const { url } = this.#options
      const { status, text } = await fetchText(url, { headers: { accept } }, this.#options)
      if (status !== 200) throw new Error(`${url.origin} answered ${status}`)
      if (text !== this.#text) {
        this.#set = keysOf(text, this.#options.algorithms)
        this.#text = text
        this.#version++
      }
      this.#confirmedAt = this.#now()
      return undefined
    } catch (error) {
      return keysUnavailable(error)
    }
  }
}

function checked(options: JwksOptions): Checked {
  const { algorithms, maxAgeMs = 600_000, maxStaleMs = 86_400_000, cooldownMs = 30_000, timeoutMs = 5_000 } = options
  const { maxBytes = 262_144, clock = systemClock, fetch = globalThis.fetch } = options
  if (!Array.isArray(algorithms) || algorithms.length === 0) throw new TypeError('jwks: algorithms must name some')
  for (const algorithm of algorithms) {
    const { family } = keyRuleOf(algorithm, 'jwks')
    if (family === 'hmac') throw new TypeError(`jwks: ${algorithm} needs a secret, and what is published is none`)
    if (family === 'ed25519') needJose('jwks')
  }
  const least = { maxAgeMs: 1_000, maxStaleMs: 0, cooldownMs: 0, timeoutMs: 1, maxBytes: 1 }
  const given = { maxAgeMs, maxStaleMs, cooldownMs, timeoutMs, maxBytes }
  for (const [name, min] of Object.entries(least)) {
    const value: unknown = Reflect.get(given, name)
    if (!(typeof value === 'number' && value >= min))
      throw new RangeError(`jwks: ${name} must be ${min} or more, got ${value}`)
  }
  if (typeof fetch !== 'function') throw new TypeError('jwks: fetch must be a function')
  return { ...given, url: trustedUrl(options.url, 'jwks: url'), algorithms, clock, fetch }
}
