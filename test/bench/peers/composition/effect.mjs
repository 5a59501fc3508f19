// Effect, by its lazy values: `map` is the cheapest that can look at a response, `tap` the one made for it, `gen` the style
// that its documentation begins with. The context is an argument, which costs less than a service in the environment.
import { Effect } from 'effect'
import { additions, after, before, handler, root } from '../../composition/work.mjs'

export function layer(index, variant) {
  const addition = additions[index]
  const inner = addition === undefined ? context => context : (context, request) => addition.assign(context, request.n)
  if (variant === 'gen') {
    return next => (request, context) =>
      Effect.gen(function* () {
        const state = before(index, request)
        const response = yield* next(request, inner(context, request))
        after(state, response)
        return response
      })
  }
  if (variant === 'map') {
    return next => (request, context) =>
      Effect.suspend(() => {
        const state = before(index, request)
        return Effect.map(next(request, inner(context, request)), response => {
          after(state, response)
          return response
        })
      })
  }
  return next => (request, context) =>
    Effect.suspend(() => {
      const state = before(index, request)
      return Effect.tap(next(request, inner(context, request)), response => Effect.sync(() => after(state, response)))
    })
}

export function stack(layers) {
  const leaf = (request, context) => Effect.promise(() => handler(request, context))
  const run = layers.reduceRight((next, around) => around(next), leaf)
  return { invoke: request => Effect.runPromise(run(request, root)) }
}
