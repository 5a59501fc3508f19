// What one writes without a library: async functions around async functions, which replace the context by `spread` or by
// `assign`. `deadline` adds what a call of ours has and they have not: an end after 30 s, by a timer for each call.
import { additions, after, before, handler, root } from './work.mjs'

export function layer(index, variant) {
  const addition = additions[index]
  const replace = variant.startsWith('spread') ? addition?.spread : addition?.assign
  if (replace === undefined) {
    return next => async (request, context) => {
      const state = before(index, request)
      const response = await next(request, context)
      after(state, response)
      return response
    }
  }
  return next => async (request, context) => {
    const state = before(index, request)
    const response = await next(request, replace(context, request.n))
    after(state, response)
    return response
  }
}

export function stack(layers, variant) {
  const run = layers.reduceRight((next, around) => around(next), handler)
  if (variant.endsWith('deadline')) return { invoke: request => withDeadline(run(request, root), 30_000) }
  return { invoke: request => run(request, root) }
}

function withDeadline(running, deadlineMs) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('deadline exceeded')), deadlineMs)
    running.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
