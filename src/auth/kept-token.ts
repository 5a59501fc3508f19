// A token in hand and the one that will replace it. The source is asked by one call for all, before the old token ends, and not again at
// once where it has failed: an authorization server that is down is not helped by every call asking it.
import { type Awaitable, type Clock, type Failure, type FailureOptions, failed, type Left } from '../core/index.js'
import { isToken68, maxCredentialLength } from './credential.js'
import { inTime, TookTooLong } from './in-time.js'

/** A token, and how long it is good. */
export interface IssuedToken {
  /** As it goes behind `Bearer `. */
  readonly token: string
  /** When it ends: ms since the Unix epoch; Infinity where it does not. */
  readonly expiresAt: number
}

/** Options of `bearerToken`. */
export interface BearerTokenOptions {
  /**
   * How long before its end a token is replaced, while calls go on with it, in ms: 0 or more; at most half of what is left of its life
   * when it comes. @defaultValue 30 000
   */
  readonly earlyMs?: number
  /** How long the source may take, in ms; more than 0. @defaultValue 5 000 */
  readonly timeoutMs?: number
  /** How long the source is left alone after it has failed, in ms: 0 or more. @defaultValue 1 000 */
  readonly cooldownMs?: number
}

/** The failure of a call that has no token to go with. */
export function tokenUnavailable(cause: unknown, more: FailureOptions = {}): Left<Failure> {
  return failed('unavailable', 'TOKEN_UNAVAILABLE', 'a token for this call cannot be had now', {
    ...more,
    ran: 'no',
    cause,
  })
}

/** What a source gave, if it can be sent. */
export function tokenOf(given: IssuedToken | Left<Failure>, clock: Clock): IssuedToken | Left<Failure> {
  if (typeof given !== 'object' || given === null) return tokenUnavailable('the source gave no token')
  if ('_tag' in given) {
    const { retryAfterMs } = given.left
    return tokenUnavailable(given.left, retryAfterMs === undefined ? {} : { retryAfterMs })
  }
  const { token, expiresAt } = given
  if (typeof token !== 'string' || !isToken68(token) || token.length > maxCredentialLength)
    return tokenUnavailable('the source gave a token that cannot be sent')
  if (!(expiresAt > clock.wallTime())) return tokenUnavailable('the source gave a token that has expired')
  return given
}

/** One token for many calls. */
export class KeptToken {
  readonly #source: () => Awaitable<IssuedToken | Left<Failure>>
  readonly #options: Required<BearerTokenOptions>
  #kept: IssuedToken | undefined
  #failure: Left<Failure> | undefined
  #renewing: Promise<IssuedToken | Left<Failure>> | undefined
  /** By the wall clock. */
  #renewAt = 0
  /** By the clock that never goes back: not asked again before. */
  #leaveAloneUntil = Number.NEGATIVE_INFINITY

  constructor(source: () => Awaitable<IssuedToken | Left<Failure>>, options: Required<BearerTokenOptions>) {
    this.#source = source
    this.#options = options
  }

  /** A token that has not ended: at once where there is one. */
  get(clock: Clock): Awaitable<IssuedToken | Left<Failure>> {
    const now = clock.wallTime()
    const mayAsk = clock.now() >= this.#leaveAloneUntil
    if (this.#kept !== undefined && now < this.#kept.expiresAt) {
      if (now >= this.#renewAt && mayAsk) void this.#renewed(clock)
      return this.#kept
    }
    if (this.#failure !== undefined && !mayAsk && this.#renewing === undefined) return this.#failure
    return this.#renewed(clock)
  }

  /** The other side did not accept it: another one is got, but not more often than the cooldown allows. */
  refused(token: IssuedToken, clock: Clock): void {
    if (token !== this.#kept || clock.now() < this.#leaveAloneUntil) return
    this.#kept = undefined
  }

  #renewed(clock: Clock): Promise<IssuedToken | Left<Failure>> {
    this.#renewing ??= this.#ask(clock).then(given => {
      this.#renewing = undefined
      this.#leaveAloneUntil = clock.now() + this.#options.cooldownMs
      if ('_tag' in given) {
        this.#failure = given
        return given
      }
      const now = clock.wallTime()
      this.#failure = undefined
      this.#kept = given
      this.#renewAt = given.expiresAt - Math.min(this.#options.earlyMs, (given.expiresAt - now) / 2)
      return given
    })
    return this.#renewing
  }

  /** Never rejects, and ends in time. */
  #ask(clock: Clock): Promise<IssuedToken | Left<Failure>> {
    const asked = async (): Promise<IssuedToken | Left<Failure>> => tokenOf(await this.#source(), clock)
    const patience = { limitMs: this.#options.timeoutMs, clock, what: 'the source' }
    return inTime(asked, patience).catch((thrown: unknown) => {
      return tokenUnavailable(thrown instanceof TookTooLong ? thrown.message : thrown)
    })
  }
}
