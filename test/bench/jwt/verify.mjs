// Verifying tokens of 10 000 customers, HS256: Tenon's scheme for bearer tokens, and what jsonwebtoken and jose do by themselves.
import { jwtVerify } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import { testContext } from 'tenon'
import { customersOf } from '../stack/servers/customers.mjs'
import { tokenOf } from '../stack/tokens.mjs'
import { audience, clockToleranceMs, customers, issuer, secret } from '../stack/work.mjs'

const requests = Array.from({ length: customers }, (_, n) => {
  const token = tokenOf(`u-${n}`)
  return { n, token, context: testContext({ metadata: { authorization: `Bearer ${token}` } }) }
})
const expected = ({ n }) => `u-${n}`

export async function contender(variant) {
  const { run, read } = ways[variant]()
  for (const request of requests) await run(request) // each has been here before
  return { run, read, requests, expected }
}

const ways = {
  Tenon: () => scheme(false),
  'Tenon, remembered': () => scheme(true),
  jsonwebtoken() {
    const options = { algorithms: ['HS256'], issuer, audience, clockTolerance: clockToleranceMs / 1_000 }
    return { run: ({ token }) => jsonwebtoken.verify(token, secret, options), read: ({ sub }) => sub }
  },
  jose() {
    const options = { algorithms: ['HS256'], issuer, audience, clockTolerance: clockToleranceMs / 1_000 }
    return { run: ({ token }) => jwtVerify(token, secret, options), read: ({ payload }) => payload.sub }
  },
}

function scheme(isCached) {
  const { verify } = customersOf({ isCached })
  return { run: ({ context }) => verify(context), read: ({ principal }) => principal.id }
}
