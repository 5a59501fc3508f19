// The work of the composition benchmark, the same for all: what a layer does before and after, what half of the layers add
// to the context, and the function beneath. Small, so that what is measured is the way between the layers.

let seen = 0

/** What a layer keeps from before to after. */
export const before = (index, request) => ({ index, n: request.n })

/** What a layer does with its state and what came of the call. */
export const after = (state, response) => {
  seen = (seen + state.index + state.n + response.value) | 0
}

/**
 * What every second layer adds to the context: as an object, and as a copy of a plain context in two spellings, of which
 * `assign` is the faster by far on Node 20. Written out, since in a program each middleware has its own code, and the
 * engine optimises by place in the code.
 */
export const additions = [
  undefined,
  {
    of: n => ({ principal: n + 1 }),
    spread: (context, n) => ({ ...context, principal: n + 1 }),
    assign: (context, n) => Object.assign({}, context, { principal: n + 1 }),
  },
  undefined,
  {
    of: n => ({ tenant: n + 2 }),
    spread: (context, n) => ({ ...context, tenant: n + 2 }),
    assign: (context, n) => Object.assign({}, context, { tenant: n + 2 }),
  },
  undefined,
  {
    of: n => ({ shard: n + 3 }),
    spread: (context, n) => ({ ...context, shard: n + 3 }),
    assign: (context, n) => Object.assign({}, context, { shard: n + 3 }),
  },
  undefined,
  {
    of: n => ({ locale: n + 4 }),
    spread: (context, n) => ({ ...context, locale: n + 4 }),
    assign: (context, n) => Object.assign({}, context, { locale: n + 4 }),
  },
  undefined,
  {
    of: n => ({ limits: n + 5 }),
    spread: (context, n) => ({ ...context, limits: n + 5 }),
    assign: (context, n) => Object.assign({}, context, { limits: n + 5 }),
  },
]

/** The plain context that a call starts with, where contexts are plain. */
export const root = { id: 'r1' }

/** The business: reads the context. */
export const handler = async (request, context) => {
  const { principal = 0, tenant = 0, shard = 0, locale = 0, limits = 0 } = context
  return { value: request.n + principal + tenant + shard + locale + limits }
}

/** What has to come out of `layers` layers for a request. */
export function expected(layers, request) {
  let value = request.n
  for (let i = 1; i < layers; i += 2) value += request.n + (i + 1) / 2
  return value
}

/** What `after` has to have seen in `layers` layers. */
export function expectedToSee(layers, request) {
  return layers * (request.n + expected(layers, request)) + (layers * (layers - 1)) / 2
}

/** What `after` has seen since this was last asked. */
export function takeSeen() {
  const taken = seen
  seen = 0
  return taken
}
