// The work of the whole-stack benchmark, the same for all: a shop that takes orders, and who may order in it.
import { createSecretKey } from 'node:crypto'
import { z } from 'zod'

/** How many customers there are, each with a token of their own. */
export const customers = 10_000

/** What tokens are signed with, and what they have to say. */
export const secret = createSecretKey(Buffer.alloc(32, 'a secret of the benchmark'))
export const issuer = 'https://login.shop'
export const audience = 'orders'
export const scope = 'orders:write'
export const clockToleranceMs = 5_000

/** So many calls per customer and minute: more than the benchmark makes. */
export const limit = { limit: 100_000, windowMs: 60_000, maxKeys: 2 * customers }

export const timeoutMs = 1_000
/** The share of calls that are traced. */
export const traced = 0.01
export const maxBodyBytes = 1 << 20
export const maxTokens = 2 * customers
/** As `metrics` of Tenon has them. */
export const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** Lines of the log are written together when there are so many bytes of them. */
export const batchLength = 4_096

const prices = new Map(['teapot', 'mug', 'honey', 'kettle'].map((sku, i) => [sku, 450 + 300 * i]))

let lastId = 0

/** The business. */
export async function place({ lines }, customer) {
  const priced = lines.map(({ sku, count }) => ({ sku, count, priceCents: prices.get(sku) ?? 0 }))
  return {
    lines: priced,
    totalCents: priced.reduce((sum, { count, priceCents }) => sum + count * priceCents, 0),
    status: 'placed',
    customer,
    id: String(++lastId),
    at: new Date().toISOString(),
  }
}

const maxLines = 20
const maxCount = 1_000

/** What is asked and answered, for who validates with zod. */
export const schemas = {
  request: z.object({
    lines: z
      .array(z.object({ sku: z.string().max(40), count: z.int().min(1).max(maxCount) }))
      .min(1)
      .max(maxLines),
  }),
  response: z.object({
    lines: z.array(z.object({ sku: z.string(), count: z.int(), priceCents: z.int() })),
    totalCents: z.int(),
    status: z.enum(['placed', 'packed', 'shipped', 'cancelled']),
    customer: z.string(),
    id: z.string(),
    at: z.string(),
  }),
}

const [text, int] = [{ type: 'string' }, { type: 'integer' }]
const object = properties => ({ type: 'object', properties, required: Object.keys(properties) })

/** The same as JSON Schema. */
export const jsonSchemas = {
  request: object({
    lines: {
      type: 'array',
      minItems: 1,
      maxItems: maxLines,
      items: object({ sku: { ...text, maxLength: 40 }, count: { ...int, minimum: 1, maximum: maxCount } }),
    },
  }),
  response: object({
    lines: { type: 'array', items: object({ sku: text, count: int, priceCents: int }) },
    totalCents: int,
    status: text,
    customer: text,
    id: text,
    at: text,
  }),
}

/** What some customer orders. */
export function orderOf(n) {
  const skus = [...prices.keys()]
  return { lines: [0, 1].map(i => ({ sku: skus[(n + i) % skus.length], count: 1 + ((n >> i) % 7) })) }
}
