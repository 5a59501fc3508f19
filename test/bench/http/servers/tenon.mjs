// Tenon's server on node:http, as `serve` starts it: with all its limits, validation of requests, and deadlines.
import { contract, implement, method } from 'tenon'
import { serve } from 'tenon/lifecycle'
import * as http from 'tenon/transport/http'
import { listening } from '../serving.mjs'
import { maxBodyBytes, uppercase, user } from '../work.mjs'
import { schemasOf } from './schemas.mjs'

const schemas = await schemasOf(process.argv[2])

export const Users = contract('bench.v1.Users', {
  uppercase: method({ ...schemas.uppercase, idempotency: 'safe', http: { post: '/uppercase' } }),
  user: method({ ...schemas.user, idempotency: 'safe', http: { get: '/users/{id}' } }),
})

const service = implement(Users).handlers({ uppercase, user })
const running = await serve([service], [http.server({ port: 0, maxBodyBytes })])
listening(Number(new URL(running.addresses[0]).port))
