/** What a client in Go calls, by the code that protoc-gen-go makes of `shop.proto`, which is what `tenon proto` writes of this. */
import { contract, failure, method, stream } from 'tenon/contract'
import { z } from 'zod'

const Line = z.object({ sku: z.string(), count: z.int32() })

export const Shop = contract('shop.v1.Shop', {
  place: method({
    request: z.object({
      at: z.iso.datetime(),
      lines: z.array(Line),
      tags: z.record(z.string(), z.string()).optional(),
    }),
    response: z.object({ total: z.bigint().or(z.string()), note: z.string().nullable() }),
    failures: { Full: failure('aborted', z.object({ at: z.int32() })) },
    idempotency: 'unsafe',
  }),
  count: method({
    request: z.object({ to: z.int32() }),
    response: stream(z.object({ n: z.int32() })),
    idempotency: 'safe',
  }),
  sum: method({ request: stream(Line), response: z.object({ count: z.int32() }), idempotency: 'unsafe' }),
  shout: method({
    request: stream(z.object({ text: z.string() })),
    response: stream(z.object({ text: z.string() })),
    idempotency: 'safe',
  }),
})
