// A service whose pages know who looks at them: the login's three endpoints in a contract, a page, and a call for those who are logged in.
import { type AnyService, type Context, contract, fromPromise, implement, method, withMethod } from 'tenon'
import { authenticate, authenticateOptional, type MaybeAuthenticated } from 'tenon/auth'
import { login } from 'tenon/auth/oauth2'
import { sessions } from 'tenon/auth/session'
import * as http from 'tenon/transport/http'
import { z } from 'zod'

/** Who is logged in; the ID token is kept so that the provider need not ask whom it is to log out. */
export interface User {
  readonly id: string
  readonly idToken: string
}

/** What this service is to the provider. */
export const client = { id: 'shop', secret: 'a word that only the provider and the shop know' }

const Nothing = z.object({})

const Accounts = contract('shop.v1.Accounts', {
  login: method({
    request: z.object({ returnTo: z.string().optional() }),
    response: Nothing,
    idempotency: 'safe',
    http: { get: '/login' },
  }),
  callback: method({
    request: z.object({
      code: z.string().optional(),
      state: z.string().optional(),
      iss: z.string().optional(),
      error: z.string().optional(),
    }),
    response: Nothing,
    idempotency: 'safe',
    http: { get: '/login/callback' },
  }),
  logout: method({
    request: Nothing,
    response: Nothing,
    idempotency: 'unsafe',
    http: { post: '/logout', form: 'urlencoded' },
  }),
  me: method({
    request: Nothing,
    response: z.object({ id: z.string() }),
    idempotency: 'safe',
    http: { get: '/me' },
  }),
})

/** What to serve at an address that browsers see as `origin`. */
export function accounts(
  issuer: string,
  origin: string,
): { services: AnyService[]; mount: Record<string, http.Listener> } {
  const users = sessions<User>() // in several processes: sessions<User>({ store: redisStore(redis) })
  const web = login({
    issuer,
    client,
    redirectUri: `${origin}/login/callback`,
    sessions: users,
    claims: z.object({ sub: z.string() }),
    principal: ({ claims, idToken }) => ({ id: claims.sub, idToken }),
    idToken: user => user.idToken,
    afterLogin: '/account',
    afterLogout: '/account',
  })
  const service = implement(Accounts)
    .endpoints({ login: web.start, callback: web.callback, logout: web.logout })
    .use(authenticate(users.scheme))
    .handlers({ me: (_, { principal }) => ({ id: principal.id }) })

  // Without a contract nobody knows that it is safe to look at, and a link from another site would be refused.
  const page = withMethod(
    authenticateOptional(users.scheme)(
      fromPromise(async (_: object, { principal }: Context & MaybeAuthenticated<User>) => pageFor(principal)),
    ),
    { service: 'shop.v1.Accounts', name: 'account', idempotency: 'safe' },
  )
  const account = http.handler(page, {
    decode: () => ({}),
    encode: body => ({ headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }, body }),
  })
  return { services: [service], mount: { '/account': account } }
}

function pageFor(user: User | undefined): string {
  const inside =
    user === undefined
      ? '<p>Nobody is logged in.</p><a href="/login?returnTo=/account">Log in</a>'
      : `<p>Hello <b>${escaped(user.id)}</b>.</p><form method="post" action="/logout"><button>Log out</button></form>`
  return `<!doctype html><html lang="en"><title>Account</title><body>${inside}</body></html>`
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, letter => `&#${letter.charCodeAt(0)};`)
}
