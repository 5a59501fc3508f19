// oRPC: middleware of a procedure without schemas, called by its server-side `call`.
import { call, os } from '@orpc/server'
import { additions, after, before, handler, root } from '../../composition/work.mjs'

export function layer(index) {
  const addition = additions[index]
  return async ({ context, next }, input) => {
    const state = before(index, input)
    const result = await (addition === undefined ? next() : next({ context: addition.of(input.n) }))
    after(state, result.output)
    return result
  }
}

export function stack(layers) {
  const base = layers.reduce((built, middleware) => built.use(middleware), os.$context())
  const procedure = base.handler(({ context, input }) => handler(input, context))
  return { invoke: request => call(procedure, request, { context: root }) }
}
