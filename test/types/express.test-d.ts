/** What may be mounted into an Express app and what must not. Compiled by the type check, never run. */
import type { Express, Request, Response } from 'express'
import {
  type AnyService,
  type Authenticated,
  type Context,
  contract,
  type Endpoint,
  fromPromise,
  implement,
  method,
  type Provider,
} from 'tenon'
import { serve } from 'tenon/lifecycle'
import * as http from 'tenon/transport/http'
import * as express from 'tenon/transport/http/express'
import { z } from 'zod'

declare function of<T>(): T

interface User {
  readonly id: string
}
interface Tenant {
  readonly tenant: string
}
const message = z.object({ id: z.string() })
const Me = contract('test.v1.Me', { read: method({ request: message, response: message, idempotency: 'safe' }) })
const Shop = contract('test.v1.Shop', { read: method({ request: message, response: message, idempotency: 'safe' }) })
const me = implement(Me)
  .requires<Authenticated<User>>()
  .handlers({ read: (_, { principal }) => ({ id: principal.id }) })
const shop = implement(Shop)
  .requires<Tenant>()
  .handlers({ read: (_, { tenant }) => ({ id: tenant }) })
const plain = of<AnyService>()
const app = of<Express>()
const user: User = { id: 'ada' }

// A service that needs something is mounted exactly where that is given.
app.use('/api', express.router([plain]))
app.use('/api', express.router([]))
app.use('/api', express.router([plain], { passOn: 'methods', provide: () => ({ whatever: 1 }) }))
app.use('/api', express.router([me], { provide: () => ({ principal: user }) }))
app.use(
  '/api',
  express.router([me, plain], { provide: (_: Request, { locals }: Response) => ({ principal: locals['user'] }) }),
)
app.use('/api', express.router([me.provide(of<Provider<Authenticated<User>>>())]))
// @ts-expect-error nobody gives the principal
express.router([me])
// @ts-expect-error nor with other options
express.router([me], { passOn: 'nothing' })
// @ts-expect-error something else is given
express.router([me], { provide: () => ({ tenant: 'x' }) })
// @ts-expect-error a principal of another type
express.router([me], { provide: () => ({ principal: 'ada' }) })
// @ts-expect-error who may not be signed in is no principal
express.router([me], { provide: () => ({ principal: of<User | undefined>() }) })
// @ts-expect-error it cannot wait
express.router([me], { provide: async () => ({ principal: user }) })

// Two that need different things need both.
express.router([me, shop], {
  provide: () => ({ principal: user, tenant: 'x' }),
})
// @ts-expect-error one of them is missing
express.router([me, shop], { provide: () => ({ principal: user }) })

// What `serve` is given needs nothing.
void serve([plain], [express.server({ app, port: 0 }), http.server({ port: 0 })])
// @ts-expect-error nobody gives the principal
void serve([me], [express.server({ app, port: 0 })])
// @ts-expect-error the server of an app does not pack
express.server({ app, port: 0, compression: true })

// A handler of a route asks for what its endpoint needs.
const whoami = fromPromise(
  async (_: { readonly name: string }, { principal }: Context & Authenticated<User>) => principal,
)
const open = of<Endpoint<{ readonly name: string }, User>>()
const codec: express.ServerCodec<{ readonly name: string }, User, never, express.ExpressHandlerRequest> = {
  decode: ({ express: { params } }) => ({ name: String(params['name']) }),
  encode: ({ id }) => ({ body: id }),
}
const anywhere: http.ServerCodec<{ readonly name: string }, User> = {
  decode: ({ url }) => ({ name: url }),
  encode: ({ id }) => ({ body: id }),
}
app.get('/who/:name', express.handler(open, codec))
app.get('/who/:name', express.handler(open, anywhere))
app.get('/who/:name', express.handler(whoami, codec, { provide: () => ({ principal: user }) }))
// @ts-expect-error nobody gives the principal
express.handler(whoami, codec)
// @ts-expect-error a principal of another type
express.handler(whoami, codec, { provide: () => ({ principal: 'ada' }) })
