// fp-ts by its combinators, as its users write it: TaskEither with the context as an argument, and ReaderTaskEither.
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { additions, after, before, handler, root } from '../../composition/work.mjs'

export function layer(index, variant) {
  const addition = additions[index]
  const inner = addition === undefined ? context => context : (context, request) => addition.assign(context, request.n)
  if (variant === 'ReaderTaskEither') {
    return next => request =>
      pipe(
        RTE.rightIO(() => before(index, request)),
        RTE.chain(state =>
          pipe(
            next(request),
            addition === undefined ? rte => rte : RTE.local(context => addition.assign(context, request.n)),
            RTE.chainFirstIOK(response => () => after(state, response)),
          ),
        ),
      )
  }
  return next => (request, context) =>
    pipe(
      TE.rightIO(() => before(index, request)),
      TE.chain(state =>
        pipe(
          next(request, inner(context, request)),
          TE.chainFirstIOK(response => () => after(state, response)),
        ),
      ),
    )
}

export function stack(layers, variant) {
  const read = result => result.right
  if (variant === 'ReaderTaskEither') {
    const leaf = request => context => TE.tryCatch(() => handler(request, context), String)
    const run = layers.reduceRight((next, around) => around(next), leaf)
    return { invoke: request => run(request)(root)(), read }
  }
  const leaf = (request, context) => TE.tryCatch(() => handler(request, context), String)
  const run = layers.reduceRight((next, around) => around(next), leaf)
  return { invoke: request => run(request, root)(), read }
}
