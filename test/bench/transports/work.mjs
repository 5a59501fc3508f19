// The work of the benchmarks that put the transports beside each other: one service, the same over all of them.
import { contract, implement, method, stream } from 'tenon'
import { z } from 'zod'

/** As many headers as a traced call of somebody who has logged in has, beside the time left. */
export const headers = {
  authorization: `Bearer ${'a'.repeat(200)}`,
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
}
/** How long a call may take, in ms. */
export const deadlineMs = 30_000

export const schemas = {
  request: z.object({ s: z.string().max(10_000) }),
  response: z.object({ v: z.string() }),
  order: z.object({ count: z.int32(), size: z.int32() }),
  item: z.object({ n: z.int32(), text: z.string() }),
}

export const Text = contract('bench.v1.Text', {
  uppercase: method({
    request: schemas.request,
    response: schemas.response,
    idempotency: 'safe',
    http: { post: '/uppercase' },
  }),
  items: method({
    request: schemas.order,
    response: stream(schemas.item),
    idempotency: 'safe',
    http: { get: '/items/{count}/{size}' },
  }),
})

const uppercase = ({ s }) => ({ v: s.toUpperCase() })

/** So many items with a text of so many characters each, as fast as they are taken. */
export async function* items({ count, size }) {
  const text = 'x'.repeat(size)
  for (let n = 0; n < count; n++) yield { n, text }
}

export const service = implement(Text).handlers({ uppercase, items })

/** Requests with what must come back. */
export const requests = Array.from({ length: 1024 }, (_, n) => {
  const input = { s: `the quick brown fox jumps over ${n} lazy dogs` }
  return { input, output: uppercase(input) }
})
