// Who the customers are: the scheme for their tokens.
import { jwt } from 'tenon/auth/jwt'
import { z } from 'zod'
import { audience, clockToleranceMs, issuer, maxTokens, secret } from '../work.mjs'

export function customersOf({ isCached }) {
  return jwt({
    issuer,
    audience,
    keys: { algorithm: 'HS256', key: secret.export() },
    clockToleranceMs,
    claims: z.object({ sub: z.string(), scope: z.string() }),
    principal: ({ sub, scope }) => ({ id: sub, scopes: scope.split(' ') }),
    maxRemembered: isCached ? maxTokens : 0,
  })
}
