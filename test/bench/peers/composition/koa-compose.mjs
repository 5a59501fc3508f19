// koa-compose: what Koa runs its middleware with. One context a call, whose `state` the layers add to in place.
import compose from 'koa-compose'
import { additions, after, before, handler } from '../../composition/work.mjs'

export function layer(index) {
  const addition = additions[index]
  if (addition === undefined) {
    return async (context, next) => {
      const state = before(index, context.request)
      await next()
      after(state, context.body)
    }
  }
  return async (context, next) => {
    const state = before(index, context.request)
    Object.assign(context.state, addition.of(context.request.n))
    await next()
    after(state, context.body)
  }
}

export function stack(layers) {
  const leaf = async context => {
    context.body = await handler(context.request, context.state)
  }
  const run = compose([...layers, leaf])
  const invoke = async request => {
    const context = { request, state: {}, body: undefined }
    await run(context)
    return context.body
  }
  return { invoke }
}
