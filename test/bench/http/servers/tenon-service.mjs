// The service of all of Tenon's rows.
import { contract, implement, method } from 'tenon'
import { uppercase, user } from '../work.mjs'
import { schemasOf } from './schemas.mjs'

/** The contract, with schemas of a library. */
export async function contractOf(library) {
  const schemas = await schemasOf(library)
  return contract('bench.v1.Users', {
    uppercase: method({ ...schemas.uppercase, idempotency: 'safe', http: { post: '/uppercase' } }),
    user: method({ ...schemas.user, idempotency: 'safe', http: { get: '/users/{id}' } }),
  })
}

export async function service(library) {
  return implement(await contractOf(library)).handlers({ uppercase, user })
}
