// From a contract and a transport to a client: one endpoint per method, the same type whatever is underneath.
import type { Awaitable, Context, Endpoint, Outcome } from '../core/index.js'
import { fromRemote, left, right } from '../core/index.js'
import type { ClientBinding } from './binding.js'
import type { Contract } from './contract.js'
import type { AnyMethod, DomainOutput, Method, RequestInput, ResponseOutput } from './method.js'
import { type Receiving, receive, rejectResponse } from './receive.js'
import type { MethodSpec } from './spec.js'

/** A method as its caller has it: an endpoint, to be decorated like any other. */
export type ClientEndpoint<X> =
  X extends Method<infer _Rq, infer _Rs, infer F>
    ? Endpoint<RequestInput<X>, ResponseOutput<X>, DomainOutput<F>, Context>
    : never

/** A client of a contract. */
export type Client<M> = { readonly [K in keyof M]: ClientEndpoint<M[K]> }

/**
 * Makes a client. It passes requests as they are (the schema's input; the server validates) and validates what comes back: a
 * response that does not fit its schema fails with `internal`/`INVALID_RESPONSE`. Close the binding, not the client.
 *
 * @example
 * ```ts
 * import { call, connect, contract, implement, method } from 'tenon'
 * import * as memory from 'tenon/transport/memory'
 * import { z } from 'zod'
 *
 * const Greeter = contract('demo.v1.Greeter', {
 *   greet: method({ request: z.object({ name: z.string() }), response: z.object({ text: z.string() }), idempotency: 'safe' }),
 * })
 * const greeter = implement(Greeter).handlers({ greet: ({ name }) => ({ text: `Hello, ${name}` }) })
 * const client = connect(Greeter, memory.client(greeter))
 * console.log(await call(client.greet, { name: 'Ada' }))
 * ```
 */
export function connect<M extends Readonly<Record<string, AnyMethod>>>(
  contract: Contract<M>,
  binding: ClientBinding,
): Client<M> {
  const client: Record<string, Endpoint<unknown, unknown, unknown>> = {}
  for (const [name, spec] of contract.specs) client[name] = clientEndpoint(spec, binding)
  return Object.freeze(client) as Client<M> // one endpoint per method, of that method's types
}

function clientEndpoint(spec: MethodSpec, binding: ClientBinding): Endpoint<unknown, unknown, unknown> {
  const send = binding.method(spec)
  const to: Receiving<Outcome> = { accept: right, reject: left, rejecting: rejectResponse(binding.peer) }
  const accept = (outcome: Outcome): Awaitable<Outcome> =>
    outcome._tag === 'Left' ? outcome : receive(spec.response, outcome.right, to)
  return fromRemote<unknown, unknown, unknown>(
    { transport: binding.name, peer: binding.peer, ...(binding.http !== undefined && { http: binding.http }) },
    (request, context) => {
      const outcome = send(request, context)
      return (outcome instanceof Promise ? outcome.then(accept) : accept(outcome)) as Awaitable<Outcome>
    },
    spec.info,
  )
}
