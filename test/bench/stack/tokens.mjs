// Tokens for the load, good and bad ones, made by hand: what is measured is not to be what the benchmark is made of.
import { createHmac } from 'node:crypto'
import { audience, issuer, scope, secret } from './work.mjs'

const encoded = value => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Signs a token with HS256. */
export function tokenOf(customer, claims = {}) {
  const iat = Math.floor(Date.now() / 1_000)
  const own = {
    iss: issuer,
    aud: audience,
    sub: customer,
    scope: `orders:read ${scope}`,
    iat,
    exp: iat + 3_600,
    jti: `${customer}-${iat}`,
  }
  const signed = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded({ ...own, ...claims })}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/** What every server has to refuse, with the status. */
export const refused = [
  { what: 'no token', token: undefined, status: 401 },
  { what: 'a forged token', token: `${tokenOf('u-1').slice(0, -8)}AAAAAAAA`, status: 401 },
  { what: 'a token that has expired', token: tokenOf('u-1', { exp: 1_000_000_000 }), status: 401 },
  { what: 'a token of another issuer', token: tokenOf('u-1', { iss: 'https://elsewhere' }), status: 401 },
  { what: 'a token for somebody else', token: tokenOf('u-1', { aud: 'stock' }), status: 401 },
  { what: 'a token without the scope', token: tokenOf('u-1', { scope: 'orders:read' }), status: 403 },
]
