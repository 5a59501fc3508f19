// Who may do what: customers place orders and cancel their own, the staff cancels anybody's. The tokens are made here, so that the shop
// can be tried; a real one would take its users from an identity provider, with `jwks({ url, algorithms })` instead of the secret.
import { randomBytes } from 'node:crypto'
import type { Authenticated, Provider } from 'tenon'
import { authenticate } from 'tenon/auth'
import { jwt, signer } from 'tenon/auth/jwt'
import { z } from 'zod'

/** Who calls. */
export interface User {
  readonly id: string
  readonly scopes: readonly string[]
}

/** What customers have. */
export const write = 'orders:write'

/** What the staff has and customers do not. */
export const cancelAny = 'orders:cancel-any'

/** The users of one process. */
export interface Users {
  /** Around methods that have to know who calls. */
  readonly known: Provider<Authenticated<User>>
  /** Tokens for ten minutes, to try the shop with. */
  readonly tokens: Promise<Tokens>
}

/** One token each. */
export interface Tokens {
  readonly customer: string
  readonly staff: string
}

export function usersOf(): Users {
  const key = { algorithm: 'HS256', key: randomBytes(32) } as const
  const issued = { issuer: 'https://login.shop.example', audience: 'shop' }
  const scheme = jwt({
    ...issued,
    keys: key,
    clockToleranceMs: 5_000,
    realm: 'shop',
    claims: z.object({ sub: z.string(), scope: z.string() }),
    principal: ({ sub, scope }): User => ({ id: sub, scopes: scope.split(' ') }),
  })
  const login = signer({ ...issued, key, ttlMs: 600_000 })
  const tokens = async (): Promise<Tokens> => {
    const customer = await login.sign({ sub: 'ada', scope: write })
    const staff = await login.sign({ sub: 'bob', scope: cancelAny })
    return { customer: customer.token, staff: staff.token }
  }
  return { known: authenticate(scheme), tokens: tokens() }
}
