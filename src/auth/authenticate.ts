// Who calls, worked out once, at the edge, and put into the context under a type: an endpoint that reads the principal cannot be served
// where nobody has supplied it, so that a forgotten check does not compile.
import {
  type Authenticated,
  type Awaitable,
  andThen,
  type Context,
  type Failure,
  failed,
  type Left,
  type MethodInfo,
  type Provider,
  provide,
} from '../core/index.js'
import type { PrincipalOf, Scheme, Verdict } from './scheme.js'

/** At least one. */
export type Schemes = readonly [Scheme<unknown>, ...(readonly Scheme<unknown>[])]

/**
 * The context property of an endpoint that serves strangers, too. An endpoint that needs {@link Authenticated} is not served by it: who
 * may be nobody is not somebody.
 */
export interface MaybeAuthenticated<P> {
  /** `undefined` for a call without credentials. */
  readonly principal: P | undefined
}

/**
 * Lets in who shows a good credential and puts them into the context as `principal`. The schemes are asked in their order, and the first
 * that finds a credential of its kind decides: a bad one is refused whatever else there is.
 *
 * Fails with `unauthenticated`/`CREDENTIALS_MISSING` where there is none, and with what the scheme says where it is not good
 * (`CREDENTIALS_REJECTED`, `TOKEN_EXPIRED`), both `ran: 'no'` and with a `WWW-Authenticate` header as RFC 6750 and 9110 want it.
 *
 * Belongs outside whatever knows the caller (limits per principal, `cache`, `authorize`), inside `shed`, `logging` and `tracing`.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type Authenticated, call, type Context, fromPromise, isLeft, right, testContext } from 'tenon'
 * import { apiKey, apiKeys, authenticate, createApiKey } from 'tenon/auth'
 *
 * const { key, hash } = createApiKey('shop')
 * const staff = apiKey({ find: apiKeys([{ hash, principal: { id: 'ada' } }]) })
 * const whoAmI = fromPromise(async (_: object, { principal }: Context & Authenticated<{ id: string }>) => principal.id)
 * const served = authenticate(staff)(whoAmI)
 *
 * assert.deepEqual(await call(served, {}, { context: testContext({ metadata: { 'x-api-key': key } }) }), right('ada'))
 * const stranger = await call(served, {})
 * assert.ok(isLeft(stranger) && stranger.left.reason === 'CREDENTIALS_MISSING')
 * ```
 */
export function authenticate<const S extends Schemes>(...schemes: S): Provider<Authenticated<PrincipalOf<S>>> {
  checkSchemes('authenticate', schemes)
  const judge = judgeOf<PrincipalOf<S>>(schemes, { whenMissing: 'refuse' })
  return provide<Authenticated<PrincipalOf<S>>>(method => ({
    name: 'authenticate',
    role: 'authenticate',
    options: { schemes: schemes.map(({ name }) => name) },
    enter: judge(method) as Judge<Authenticated<PrincipalOf<S>>>, // a call without a principal has been refused
  }))
}

/**
 * As {@link authenticate}, but a call without credentials goes on, with `principal` undefined. A credential that is not good is refused
 * all the same: whoever shows one believes to be somebody.
 */
export function authenticateOptional<const S extends Schemes>(
  ...schemes: S
): Provider<MaybeAuthenticated<PrincipalOf<S>>> {
  checkSchemes('authenticateOptional', schemes)
  const judge = judgeOf<PrincipalOf<S>>(schemes, { whenMissing: 'pass' })
  return provide<MaybeAuthenticated<PrincipalOf<S>>>(method => ({
    name: 'authenticateOptional',
    role: 'authenticate',
    options: { schemes: schemes.map(({ name }) => name) },
    enter: judge(method),
  }))
}

type Judged<P> = Left<Failure> | { readonly provide: P }
type Judge<P> = (context: Context) => Awaitable<Judged<P>>

function judgeOf<P>(
  schemes: Schemes,
  { whenMissing }: { readonly whenMissing: 'refuse' | 'pass' },
): (method: MethodInfo | undefined) => Judge<MaybeAuthenticated<P>> {
  const challenges = schemes.flatMap(({ challenge }) => challenge ?? []).join(', ')
  const nobody: Judged<MaybeAuthenticated<P>> = { provide: { principal: undefined } }
  const decide = (
    verdict: Verdict<unknown>,
    scheme: Scheme<unknown>,
    context: Context,
  ): Judged<MaybeAuthenticated<P>> => {
    if (verdict !== undefined && 'principal' in verdict) return { provide: { principal: verdict.principal as P } } // of a scheme of P
    if (verdict !== undefined) return refuse(context, verdict, scheme.challenge)
    return nobody
  }
  const missing = (context: Context): Judged<MaybeAuthenticated<P>> => {
    if (whenMissing === 'pass') return nobody
    if (challenges !== '') context.reply.header('www-authenticate', challenges)
    return failed('unauthenticated', 'CREDENTIALS_MISSING', 'this needs credentials, and there are none', { ran: 'no' })
  }
  const from = (
    start: number,
    context: Context,
    method: MethodInfo | undefined,
  ): Awaitable<Judged<MaybeAuthenticated<P>>> => {
    for (let i = start; i < schemes.length; i++) {
      const scheme = schemes[i] as Scheme<unknown> // the loop's condition
      const verdict = scheme.verify(context, method)
      if (verdict !== undefined)
        return andThen(verdict, given =>
          given === undefined ? from(i + 1, context, method) : decide(given, scheme, context),
        )
    }
    return missing(context)
  }
  return method => context => from(0, context, method)
}

/** Tells by RFC 6750, section 3.1, that the token is what is wrong. Where the scheme could not tell, it is not. */
function refuse(context: Context, refused: Left<Failure>, challenge: string | undefined): Left<Failure> {
  if (challenge !== undefined && refused.left.code === 'unauthenticated') {
    const isBearer = /^bearer\b/i.test(challenge)
    context.reply.header('www-authenticate', isBearer ? withParameter(challenge, 'error="invalid_token"') : challenge)
  }
  return refused
}

/** A challenge with one more parameter. */
function withParameter(challenge: string, parameter: string): string {
  return challenge.includes(' ') ? `${challenge}, ${parameter}` : `${challenge} ${parameter}`
}

function checkSchemes(name: string, schemes: readonly Scheme<unknown>[]): void {
  if (schemes.length === 0) throw new TypeError(`${name}: needs a scheme`)
  for (const scheme of schemes) {
    if (typeof scheme?.verify !== 'function' || typeof scheme.name !== 'string')
      throw new TypeError(`${name}: a scheme has a name and verify(context)`)
  }
}
