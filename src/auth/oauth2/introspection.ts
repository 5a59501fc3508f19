// Tokens that only their issuer can read (RFC 7662): it is asked what they are worth. It knows of a revocation at once, where a JWT is
// good until its end; what that costs is a request, and a service that lets nobody in while the issuer is away.
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type Awaitable, andThen, type Context, type Failure, failed, type Left } from '../../core/index.js'
import { checkedOptions } from '../../core/option-rules.js'
import { holdsKey } from '../confirmation.js'
import { authorizationOf, challengeOf } from '../credential.js'
import { frozen } from '../frozen.js'
import { placesOf } from '../places-of.js'
import { rejected, type Scheme, type Verdict, verdictOf } from '../scheme.js'
import { type Introspected, introspectedOf } from './introspected.js'
import { type IntrospectionOptions, type IntrospectionSettings, introspectionRules } from './introspection-options.js'
import { type EndpointAnswer, OAuthEndpoint } from './oauth-endpoint.js'
import { type TokenAnswer, TokenAnswers } from './token-answers.js'

/**
 * A scheme for tokens in `authorization: Bearer …` that an authorization server is asked about: opaque ones, and JWTs whose revocation
 * counts. One question for all calls that bring the same token at the same time; its answer is remembered for `maxAgeMs`, never past `exp`.
 *
 * A token that is not active, not for us or not of that issuer fails with `unauthenticated`/`CREDENTIALS_REJECTED`, one whose `exp` is
 * over by the call's clock with `TOKEN_EXPIRED`, one without the scopes with `permission_denied`/`PERMISSION_DENIED`. Where the server
 * does not answer, answers late, or with something else than RFC 7662 has it, nobody is let in: `unavailable`/`INTROSPECTION_UNAVAILABLE`.
 * A token that is bound to a certificate (`cnf` with `x5t#S256`, RFC 8705) is good only with that certificate, which is asked for in each
 * call; one that is bound to a key otherwise (DPoP) is refused: here nobody proves to have it.
 *
 * Throws `TypeError` or `RangeError` for options that are missing or out of range.
 *
 * @example
 * ```ts no-run
 * import { authenticate } from 'tenon/auth'
 * import { introspection } from 'tenon/auth/oauth2'
 * import { z } from 'zod'
 *
 * export const known = authenticate(
 *   introspection({
 *     url: 'https://login.shop/token/introspection',
 *     client: { id: 'orders', secret: process.env['OAUTH_SECRET'] ?? '' },
 *     issuer: 'https://login.shop',
 *     audience: 'https://orders.shop',
 *     scopes: false, // asked for by method
 *     claims: z.object({ sub: z.string(), scope: z.string().default('') }),
 *     principal: ({ sub, scope }) => ({ id: sub, scopes: scope.split(' ') }),
 *   }),
 * )
 * ```
 */
export function introspection<
  S extends StandardSchemaV1<unknown, object>,
  P extends object = StandardSchemaV1.InferOutput<S>,
>(options: IntrospectionOptions<S, P>): Scheme<P> {
  const { url, client, ...given } = options
  const settings = checkedOptions<IntrospectionSettings>('introspection', introspectionRules, {
    base: undefined,
    given,
  })
  const endpoint = new OAuthEndpoint('introspection', { url, client }, settings)
  const answers = new TokenAnswers<Introspected>(settings)
  const { principal } = options
  // Without `principal`, P is what the schema gives.
  const identify = (claims: object, context: Context): Awaitable<Verdict<P>> =>
    principal === undefined
      ? { principal: claims as P }
      : verdictOf(principal(claims, context), 'the token is of nobody known here')
  const ask = async (token: string, context: Context): Promise<TokenAnswer<Introspected>> => {
    try {
      const answer = await endpoint.post({ token, token_type_hint: 'access_token' }, context.clock)
      return await judged(answer, { endpoint, settings, now: context.clock.wallTime() })
    } catch (thrown) {
      return { value: unavailable(thrown), until: 0 }
    }
  }

  return {
    name: 'introspection',
    challenge: challengeOf('Bearer', settings.realm),
    verify(context) {
      const found = authorizationOf(context, 'bearer')
      if (found === undefined) return undefined
      if (found === 'malformed') return rejected('the bearer token is not written as RFC 6750 has it')
      const token = found.value
      if (token.length > settings.maxLength)
        return rejected(`the token is longer than ${settings.maxLength} characters`)
      const known = answers.get(token, context.clock.wallTime(), () => ask(token, context))
      if (known === undefined) return unavailable(`more than ${settings.maxAsking} tokens are asked about at once`)
      return andThen(known, introspected => {
        if ('_tag' in introspected) return introspected
        if (introspected.bound !== undefined && !holdsKey(introspected.bound, context.peer))
          return rejected('the token is bound to a key that nobody has proven to have')
        return introspected.missingScopes === undefined
          ? identify(introspected.claims, context)
          : lacksScopes(introspected.missingScopes, context)
      })
    },
  }
}

interface Judging {
  readonly endpoint: OAuthEndpoint
  readonly settings: IntrospectionSettings
  /** By the call's clock. */
  readonly now: number
}

/** What an answer says of a token, and for how long. */
async function judged(
  answer: EndpointAnswer,
  { endpoint, settings, now }: Judging,
): Promise<TokenAnswer<Introspected>> {
  if (answer.status !== 200 || answer.body === undefined)
    return {
      value: unavailable(answer.status === 200 ? 'the answer is no JSON object' : endpoint.unexpected(answer)),
      until: 0,
    }
  const { refusedMaxAgeMs, maxAgeMs, claims: schema } = settings
  const refusedUntil = refusedMaxAgeMs === 0 ? 0 : now + refusedMaxAgeMs
  const read = introspectedOf(answer.body, settings, now)
  if (read.kind === 'malformed') return { value: unavailable(read.why), until: 0 }
  if (read.kind === 'refused') return { value: rejected(read.why, read), until: refusedUntil }
  const result = await schema['~standard'].validate(answer.body)
  if (result.issues !== undefined)
    return { value: rejected(`the answer does not fit the schema: ${placesOf(result.issues)}`), until: refusedUntil }
  const until = maxAgeMs === 0 ? 0 : Math.min(now + maxAgeMs, read.endsAt)
  const { missingScopes, bound } = read
  return { value: { claims: frozen(result.value), missingScopes, bound }, until }
}

function lacksScopes(missing: string, context: Context): Left<Failure> {
  context.reply.header('www-authenticate', `Bearer error="insufficient_scope", scope="${missing}"`)
  return failed('permission_denied', 'PERMISSION_DENIED', 'this caller may not do that', {
    ran: 'no',
    cause: 'the token lacks a scope',
  })
}

function unavailable(cause: unknown): Left<Failure> {
  return failed('unavailable', 'INTROSPECTION_UNAVAILABLE', 'what the credentials are worth cannot be asked now', {
    ran: 'no',
    cause,
  })
}
