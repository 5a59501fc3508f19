// What the types of `tenon/auth` pin: a forgotten check does not compile, and who may be nobody is not somebody.
import { pipe } from 'fp-ts/lib/function.js'
import { type Authenticated, type Context, type Endpoint, fromPromise } from 'tenon'
import {
  allOf,
  apiKey,
  authenticate,
  authenticateOptional,
  authorize,
  certificate,
  type MaybeAuthenticated,
  type Rule,
  roles,
  rule,
  type Scheme,
  scopes,
} from 'tenon/auth'
import { issuers, type JwtScheme, jwt } from 'tenon/auth/jwt'
import { introspection, login } from 'tenon/auth/oauth2'
import type { Sessions } from 'tenon/auth/session'
import { z } from 'zod'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function proven<_ extends true>(): void
declare function serveable(endpoint: Endpoint<never, unknown, unknown, Context>): void

interface User {
  readonly id: string
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
}
interface Machine {
  readonly service: string
}
declare const bearer: Scheme<User>

const whoAmI = fromPromise(async (_: object, { principal }: Context & Authenticated<User>) => principal.id)
const maybe = fromPromise(async (_: object, { principal }: Context & MaybeAuthenticated<User>) => principal?.id)
const open = fromPromise(async (_: { readonly owner: string }) => 'done')

// Pins: who reads the principal is not served without somebody who supplies it.
serveable(authenticate(bearer)(whoAmI))
serveable(authenticate(bearer)(maybe))
serveable(authenticateOptional(bearer)(maybe))
// @ts-expect-error nobody authenticates
serveable(whoAmI)
// @ts-expect-error nobody authenticates
serveable(maybe)
// @ts-expect-error who may be nobody is not somebody
serveable(authenticateOptional(bearer)(whoAmI))

// Pins: several schemes give one of their principals, and each has to be what is needed.
const machine = certificate({ identify: () => ({ service: 'orders' }) as Machine | undefined })
const either = authenticate(bearer, machine)
const anybody = fromPromise(async (_: object, context: Context & Authenticated<User | Machine>) => context.principal)
serveable(either(anybody))
// @ts-expect-error a machine is no user
serveable(either(whoAmI))
const staff = apiKey({ find: async () => ({ id: 'a', scopes: [], roles: [] }) as User | undefined })
serveable(authenticate(bearer, staff)(whoAmI))

// Pins: a guarded endpoint needs a principal with what the rule reads, and optional authentication does not reach it.
const guarded = authorize(scopes('orders:write'))(open)
serveable(authenticate(bearer)(guarded))
serveable(pipe(open, authorize(allOf(scopes('a'), roles('b'))), authenticate(bearer)))
// @ts-expect-error nobody authenticates
serveable(guarded)
// @ts-expect-error optional authentication
serveable(authenticateOptional(bearer)(guarded))
// @ts-expect-error a machine has no scopes
serveable(authenticate(machine)(guarded))
// @ts-expect-error the guard is outside the provider, and runs before it
serveable(authorize(scopes('a'))(authenticate(bearer)(open)))

// Pins: a rule on the request goes only around endpoints with such requests, and combining keeps what each reads.
const owner = rule(
  'owner',
  ({ principal, request }: { readonly principal: User; readonly request: { readonly owner: string } }) =>
    principal.id === request.owner,
)
const owned = authorize(owner)(open)
serveable(authenticate(bearer)(owned))
// @ts-expect-error such a request has no owner
authorize(owner)(fromPromise(async (_: { readonly id: string }) => 'done'))
const both = allOf(owner, scopes('a'), roles('b'))
proven<Same<typeof both extends Rule<infer _P, infer Req> ? Req : never, { readonly owner: string }>>()
serveable(authenticate(bearer)(authorize(both)(open)))
// @ts-expect-error such a request has no owner
authorize(both)(fromPromise(async (_: { readonly id: string }) => 'done'))

// Pins: the principal of a token is what the schema gives, or what `principal` makes of it, and nothing wider.
const issued = { issuer: 'i', audience: 'a', keys: { algorithm: 'HS256', key: '' }, clockToleranceMs: 0 } as const
const claims = z.object({ sub: z.string(), scope: z.string().transform(text => text.split(' ')) })
const byClaims = () => jwt({ ...issued, claims })
proven<Same<ReturnType<typeof byClaims>, JwtScheme<{ sub: string; scope: string[] }>>>()
const byUser = () => jwt({ ...issued, claims, principal: async ({ sub }): Promise<User | undefined> => users.get(sub) })
declare const users: ReadonlyMap<string, User>
proven<Same<ReturnType<typeof byUser>, JwtScheme<User>>>()
const served = () => {
  serveable(authenticate(byUser())(whoAmI))
  // @ts-expect-error claims are no user
  serveable(authenticate(byClaims())(whoAmI))
}
// Pins: of several issuers the principal is that of any of them.
const ofAny = () => issuers(byUser(), byClaims())
proven<Same<ReturnType<typeof ofAny>, Scheme<User | { sub: string; scope: string[] }>>>()
// @ts-expect-error none is no algorithm
const unsigned = () => jwt({ ...issued, keys: { algorithm: 'none', key: '' }, claims })
// @ts-expect-error a verifier without an audience opens to tokens for others
const forAnybody = () => jwt({ issuer: 'i', keys: issued.keys, clockToleranceMs: 0, claims })
void [served, unsigned, forAnybody]

// Pins: what an introspected token must be is said or waived, never left out; its principal is what the schema or `principal` gives.
const asked = { url: 'https://i', client: { id: 'a', secret: 'b' }, issuer: 'i', audience: 'a', scopes: false } as const
const byAnswer = () => introspection({ ...asked, claims })
proven<Same<ReturnType<typeof byAnswer>, Scheme<{ sub: string; scope: string[] }>>>()
const { audience: _, ...forNobody } = asked
// @ts-expect-error the audience is left out
const forWhom = () => introspection({ ...forNobody, claims })
// @ts-expect-error a client proves itself
const unproven = () => introspection({ ...asked, client: { id: 'a' }, claims })

// Pins: a login ends in sessions of what it makes of people.
declare const sessionsOfUsers: Sessions<User>
const provider = {
  issuer: 'https://i',
  client: asked.client,
  redirectUri: 'https://a/b',
  sessions: sessionsOfUsers,
  claims,
}
const intoUsers = () => login({ ...provider, principal: ({ claims: { sub } }) => users.get(sub) })
// @ts-expect-error a session of users, begun with claims
const intoClaims = () => login({ ...provider, principal: ({ claims: { sub } }) => ({ sub }) })
void [forWhom, unproven, intoUsers, intoClaims]
