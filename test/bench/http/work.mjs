// The work of the HTTP benchmarks, the same for all: two routes, what is sent to them and what must come back.
import { z } from 'zod'

/** The most bytes of a body. */
export const maxBodyBytes = 1 << 20
/** How long a call may take, in ms. */
export const deadlineMs = 30_000

const maxText = 10_000
const maxId = 40

/** The business: `POST /uppercase`. */
export const uppercase = async ({ s }) => ({ v: s.toUpperCase() })

/** The business: `GET /users/:id`. */
export const user = async ({ id }) => ({
  id,
  name: `User ${id}`,
  email: `user.${id}@example.org`,
  roles: ['reader', 'writer'],
  active: true,
})

/** What both routes take and give, for who validates with zod. */
export const schemas = {
  uppercase: { request: z.object({ s: z.string().max(maxText) }), response: z.object({ v: z.string() }) },
  user: {
    request: z.object({ id: z.string().max(maxId) }),
    response: z.object({
      id: z.string(),
      name: z.string(),
      email: z.string(),
      roles: z.array(z.string()),
      active: z.boolean(),
    }),
  },
}

const object = (properties, additionalProperties) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  ...(additionalProperties !== undefined && { additionalProperties }),
})
const text = { type: 'string' }

/** The same as JSON Schema. */
export const jsonSchemas = {
  uppercase: { request: object({ s: { ...text, maxLength: maxText } }), response: object({ v: text }, false) },
  user: {
    request: object({ id: { ...text, maxLength: maxId } }),
    response: object(
      { id: text, name: text, email: text, roles: { type: 'array', items: text }, active: { type: 'boolean' } },
      false,
    ),
  },
}

/** Requests of either route, with what must come back. */
export const requests = {
  post: await table(n => ({ s: `the quick brown fox jumps over ${n} lazy dogs` }), uppercase),
  get: await table(n => ({ id: `u-${n}` }), user),
}

async function table(make, business) {
  const inputs = Array.from({ length: 1024 }, (_, n) => make(n))
  return Promise.all(inputs.map(async input => ({ input, output: await business(input) })))
}

/**
 * Inputs that every server must refuse: nothing, a wrong type (a number would not do: Fastify makes text of it), over a limit, no
 * JSON, over the limit of bytes.
 */
export const refused = {
  post: [
    '{}',
    JSON.stringify({ s: {} }),
    JSON.stringify({ s: 'x'.repeat(maxText + 1) }),
    '{"s":',
    JSON.stringify({ s: 'x', more: 'x'.repeat(maxBodyBytes) }),
  ],
  get: ['x'.repeat(maxId + 1)],
}
