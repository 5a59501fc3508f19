// Tenon: `call` makes a call with a deadline, as a client or a server does; `within` is the stack alone, run in a call that
// goes on, which is what the other contenders measure: they have no deadlines.
import { around, call, chain, extend, fromPromise, intercept } from 'tenon'
import { additions, after, before, handler } from './work.mjs'

export function layer(index) {
  const addition = additions[index]
  return around({
    name: `layer-${index}`,
    enter:
      addition === undefined
        ? (context, request) => ({ state: before(index, request) })
        : (context, request) => ({
            state: before(index, request),
            context: extend(context, addition.of(request.n)),
          }),
    exit: (outcome, state) => after(state, outcome.right),
  })
}

export async function stack(layers, variant) {
  const endpoint = chain(...layers)(fromPromise(handler))
  const read = result => result.right
  return { invoke: variant === 'call' ? request => call(endpoint, request) : await within(endpoint), read }
}

// The way into an endpoint from a call that goes on, as an interceptor has it.
function within(endpoint) {
  return new Promise(resolve => {
    const endless = intercept({
      name: 'endless',
      run: (next, _, context) => {
        resolve(request => next(request, context))
        return new Promise(() => {})
      },
    })
    void call(endless(endpoint), undefined, { deadlineMs: 3_600_000 })
  })
}
