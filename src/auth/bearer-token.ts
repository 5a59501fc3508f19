// Tokens for the next hop: got from wherever they come from, used until shortly before they end, and never left out. A call that goes
// without its token looks like a stranger's, and is refused in another log than this one.
import {
  type Awaitable,
  andThen,
  around,
  type Context,
  type Entered,
  type Failure,
  isFailure,
  type Left,
  type Middleware,
  type Outcome,
  withOutgoing,
} from '../core/index.js'
import { type BearerTokenOptions, type IssuedToken, KeptToken, tokenOf, tokenUnavailable } from './kept-token.js'

/** Where tokens come from: a signer, an authorization server. */
export type TokenSource = () => Awaitable<IssuedToken | Left<Failure>>

/**
 * Sends a token as `authorization: Bearer …`: one for all calls, replaced before it ends, whoever makes them. However many calls wait,
 * the source is asked once. A token that the other side refuses with `unauthenticated` is not used again.
 *
 * Fails with `unavailable`/`TOKEN_UNAVAILABLE`, `ran: 'no'`, where the source fails, hangs, or gives no token that can be sent: no call
 * is sent without one. Belongs around a client, inside `retry`: each attempt then has a token that is good.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { call, fromRemote, right } from 'tenon'
 * import { bearerToken } from 'tenon/auth'
 *
 * let asked = 0
 * const source = async () => ({ token: `token-${++asked}`, expiresAt: Date.now() + 600_000 })
 * const remote = fromRemote('stock', (_: object, { outgoing }) => right(outgoing.get('authorization'))) // a client's, as it were
 * await Promise.all([1, 2, 3].map(() => call(bearerToken(source)(remote), {})))
 * assert.equal(asked, 3) // three middleware, and so three tokens
 *
 * const shared = bearerToken(source)
 * await Promise.all([1, 2, 3].map(() => call(shared(remote), {})))
 * assert.equal(asked, 4)
 * assert.deepEqual(await call(shared(remote), {}), right('Bearer token-4'))
 * ```
 */
export function bearerToken(source: TokenSource, options: BearerTokenOptions = {}): Middleware {
  if (typeof source !== 'function') throw new TypeError('bearerToken: needs a function that gives tokens')
  const kept = new KeptToken(source, checked(options))
  return around<IssuedToken>({
    name: 'bearerToken',
    options: { ...checked(options) },
    enter(context) {
      return andThen(kept.get(context.clock), token => sendWith(context, token))
    },
    exit(outcome, token, { clock }) {
      if (isRefusal(outcome)) kept.refused(token, clock)
    },
  })
}

/**
 * Sends a token that is made for each call, from what its context holds: signed for this user, exchanged for another audience. Fails as
 * {@link bearerToken} does, but with the failure of `mint` where that is `CREDENTIALS_MISSING` or `CREDENTIALS_REJECTED`, of the caller's.
 */
export function bearerTokenPerCall(mint: (context: Context) => Awaitable<IssuedToken | Left<Failure>>): Middleware {
  if (typeof mint !== 'function') throw new TypeError('bearerTokenPerCall: needs a function that gives tokens')
  return around<IssuedToken>({
    name: 'bearerTokenPerCall',
    async enter(context) {
      try {
        const minted = await mint(context)
        return sendWith(context, isCallers(minted) ? minted : tokenOf(minted, context.clock))
      } catch (thrown) {
        return tokenUnavailable(thrown)
      }
    },
  })
}

function sendWith(context: Context, token: IssuedToken | Left<Failure>): Entered<IssuedToken> {
  if ('_tag' in token) return token
  return { context: withOutgoing(context, { authorization: `Bearer ${token.token}` }), state: token }
}

const callersReasons: ReadonlySet<string> = new Set(['CREDENTIALS_MISSING', 'CREDENTIALS_REJECTED'])

/** Whether there is no token because of what the caller showed, and not because of an authorization server that refuses us. */
function isCallers(minted: IssuedToken | Left<Failure>): minted is Left<Failure> {
  return '_tag' in minted && minted.left.peer === undefined && callersReasons.has(minted.left.reason)
}

/** Whether it is the other side that says so, of what we sent. */
function isRefusal(outcome: Outcome): boolean {
  return outcome._tag === 'Left' && isFailure(outcome.left) && outcome.left.code === 'unauthenticated'
}

function checked(options: BearerTokenOptions): Required<BearerTokenOptions> {
  const { earlyMs = 30_000, timeoutMs = 5_000, cooldownMs = 1_000 } = options
  if (!(earlyMs >= 0)) throw new RangeError(`bearerToken: earlyMs must be 0 or more, got ${earlyMs}`)
  if (!(timeoutMs > 0)) throw new RangeError(`bearerToken: timeoutMs must be more than 0, got ${timeoutMs}`)
  if (!(cooldownMs >= 0)) throw new RangeError(`bearerToken: cooldownMs must be 0 or more, got ${cooldownMs}`)
  return { earlyMs, timeoutMs, cooldownMs }
}
