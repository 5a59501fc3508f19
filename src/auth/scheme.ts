// The port of kinds of credentials: a scheme finds its own in a call and says whose it is. It reads the context alone, where every
// transport puts them in the same place, so that a scheme written once works on all of them.
import {
  type Awaitable,
  andThen,
  type Context,
  type Failure,
  type FailureOptions,
  failed,
  type Left,
  type MethodInfo,
} from '../core/index.js'

/** A kind of credential: bearer tokens, passwords, API keys, certificates, sessions. */
export interface Scheme<P> {
  /** What `explain` calls it: `bearer`. */
  readonly name: string
  /**
   * What `WWW-Authenticate` tells a caller who has none (RFC 9110, section 11.6.1): `Bearer realm="shop"`. @defaultValue nothing, for
   * what cannot be asked for, such as a certificate
   */
  readonly challenge?: string
  /**
   * Looks for its credential in a call of a method (`undefined` where that is not known), and judges it. Never looks at the request. What
   * it throws is a defect, and refuses the call.
   */
  verify(context: Context, method: MethodInfo | undefined): Awaitable<Verdict<P>>
}

/**
 * What a scheme says of a call: `undefined`, there is no credential of its kind; whose it is; or why it is refused, which
 * {@link rejected} makes, or any other failure where it cannot be told now.
 */
export type Verdict<P> = { readonly principal: P } | Left<Failure> | undefined

/** Who the schemes of `S` let in. */
export type PrincipalOf<S extends readonly Scheme<unknown>[]> = S[number] extends Scheme<infer P> ? P : never

/** What a caller is told of a credential that is refused: always the same, so that nobody learns which part of it was wrong. */
const refusal = 'the credentials are not accepted'

/**
 * Refuses a credential: `unauthenticated`/`CREDENTIALS_REJECTED`, or another `reason` where callers are to tell it apart, such as
 * `TOKEN_EXPIRED`. The `cause` is for logs on this side and is never sent; it must not hold the credential.
 */
export function rejected(cause: string, options: { readonly reason?: string } = {}): Left<Failure> {
  const { reason = 'CREDENTIALS_REJECTED' } = options
  const more: FailureOptions = { ran: 'no', cause }
  return failed('unauthenticated', reason, refusal, more)
}

/**
 * The verdict of a scheme that found its credential and looked up whose it is; `cause` is why nobody's is refused. Only an object is
 * somebody: databases say `null` for nobody, and a comparison that failed says `false`.
 */
export function verdictOf<P>(found: Awaitable<P | undefined>, cause: string): Awaitable<Verdict<P>> {
  return andThen(found, principal =>
    typeof principal === 'object' && principal !== null ? { principal } : rejected(cause),
  )
}
