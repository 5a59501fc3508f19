// tRPC: middleware of a procedure, called by a server-side caller, with a validator that lets everything pass.
import { initTRPC } from '@trpc/server'
import { additions, after, before, handler, root } from '../../composition/work.mjs'

export function layer(index) {
  const addition = additions[index]
  return async ({ ctx, input, next }) => {
    const state = before(index, input)
    const result = await (addition === undefined ? next() : next({ ctx: addition.of(input.n) }))
    after(state, result.data)
    return result
  }
}

export function stack(layers) {
  const t = initTRPC.create()
  const base = t.procedure.input(request => request)
  const procedure = layers.reduce((built, middleware) => built.use(middleware), base)
  const router = t.router({ get: procedure.query(({ ctx, input }) => handler(input, ctx)) })
  const caller = t.createCallerFactory(router)(root)
  return { invoke: request => caller.get(request) }
}
