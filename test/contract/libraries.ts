/** The same contract written with three schema libraries: whatever holds for one must hold for the others. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { toJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import {
  type Contract,
  type ContractOptions,
  contract,
  type FailureDef,
  failure,
  type Method,
  method,
  stream,
} from 'tenon'
import * as v from 'valibot'
import { z } from 'zod'

export interface OrderInput {
  readonly sku: string
  readonly labels: string
  readonly count?: number | undefined
  readonly note?: string | undefined
  readonly at: Date | string
  readonly big: bigint | string
  readonly raw: Uint8Array | string
  readonly lines: readonly { readonly count: number }[]
}

export interface OrderOutput {
  readonly sku: string
  readonly labels: readonly string[]
  readonly count: number
  readonly note?: string | undefined
  readonly at: Date
  readonly big: bigint
  readonly raw: Uint8Array
  readonly lines: readonly { readonly count: number }[]
}

export interface Query {
  readonly id: string
  readonly limit: number
  readonly ratio?: number | undefined
  readonly full?: boolean | undefined
  readonly state?: 'open' | 'closed' | undefined
  readonly tags: readonly string[]
  readonly numbers?: readonly number[] | undefined
}

type Order = StandardSchemaV1<OrderInput, OrderOutput>
type OrderMethods = {
  readonly place: Method<Order, Order, { readonly Refused: FailureDef<Order> }>
  readonly watch: Method<Order, { readonly stream: Order }, Record<never, never>>
  readonly upload: Method<{ readonly stream: Order }, Order, Record<never, never>>
  readonly find: Method<StandardSchemaV1<Query>, StandardSchemaV1<Query>, Record<never, never>>
  readonly put: Method<StandardSchemaV1<Query>, StandardSchemaV1<Query>, Record<never, never>>
}

function ordersOf(
  schemas: { readonly Order: Order; readonly Query: StandardSchemaV1<Query> },
  options?: ContractOptions,
): Contract<OrderMethods> {
  const { Order, Query } = schemas
  return contract(
    'shop.v1.Orders',
    {
      place: method({
        request: Order,
        response: Order,
        failures: { Refused: failure('failed_precondition', Order) },
        idempotency: 'unsafe',
      }),
      watch: method({ request: Order, response: stream(Order), idempotency: 'safe' }),
      upload: method({ request: stream(Order), response: Order, idempotency: 'unsafe' }),
      find: method({ request: Query, response: Query, idempotency: 'safe', http: { get: '/orders/{id}' } }),
      put: method({
        request: Query,
        response: Query,
        idempotency: 'idempotent',
        http: { put: '/orders/{id}/{limit}' },
      }),
    },
    options,
  )
}

const decode = (base64: string): Uint8Array => Uint8Array.from(atob(base64), char => char.charCodeAt(0))

const zodOrder = z.object({
  sku: z.string().min(1),
  labels: z.string().transform(labels => labels.split(',')),
  count: z.int().default(1),
  note: z.string().optional(),
  at: z.union([z.date(), z.iso.datetime().transform(text => new Date(text))]),
  big: z.union([
    z.bigint(),
    z
      .string()
      .regex(/^-?\d+$/)
      .transform(BigInt),
  ]),
  raw: z.union([z.instanceof(Uint8Array), z.base64().transform(decode)]),
  lines: z.array(z.object({ count: z.int() })),
})
const zodQuery = z.object({
  id: z.string(),
  limit: z.int(),
  ratio: z.number().optional(),
  full: z.boolean().optional(),
  state: z.enum(['open', 'closed']).optional(),
  tags: z.array(z.string()),
  numbers: z.array(z.number()).optional(),
})

const valibotOrder = v.object({
  sku: v.pipe(v.string(), v.minLength(1)),
  labels: v.pipe(
    v.string(),
    v.transform(labels => labels.split(',')),
  ),
  count: v.optional(v.pipe(v.number(), v.integer()), 1),
  note: v.optional(v.string()),
  at: v.union([
    v.date(),
    v.pipe(
      v.string(),
      v.isoTimestamp(),
      v.transform(text => new Date(text)),
    ),
  ]),
  big: v.union([
    v.bigint(),
    v.pipe(
      v.string(),
      v.regex(/^-?\d+$/),
      v.transform(text => BigInt(text)),
    ),
  ]),
  raw: v.union([v.instance(Uint8Array), v.pipe(v.string(), v.base64(), v.transform(decode))]),
  lines: v.array(v.object({ count: v.pipe(v.number(), v.integer()) })),
})
const valibotQuery = v.object({
  id: v.string(),
  limit: v.pipe(v.number(), v.integer()),
  ratio: v.optional(v.number()),
  full: v.optional(v.boolean()),
  state: v.optional(v.picklist(['open', 'closed'])),
  tags: v.array(v.string()),
  numbers: v.optional(v.array(v.number())),
})

const arktypeOrder = type({
  sku: 'string >= 1',
  labels: type('string').pipe(labels => labels.split(',')),
  count: 'number.integer = 1',
  'note?': 'string | undefined',
  at: type('Date').or('string.date.iso.parse'),
  big: type('bigint').or(type(/^-?\d+$/).pipe(text => BigInt(text))),
  raw: type.instanceOf(Uint8Array).or(type('string.base64').pipe(decode)),
  lines: type({ count: 'number.integer' }).array(),
})
const arktypeQuery = type({
  id: 'string',
  limit: 'number.integer',
  'ratio?': 'number | undefined',
  'full?': 'boolean | undefined',
  'state?': "'open' | 'closed' | undefined",
  tags: 'string[]',
  'numbers?': 'number[] | undefined',
})

export interface Library {
  readonly name: 'zod' | 'valibot' | 'arktype'
  readonly Orders: Contract<OrderMethods>
}

export const libraries: readonly Library[] = [
  { name: 'zod', Orders: ordersOf({ Order: zodOrder, Query: zodQuery }) },
  { name: 'valibot', Orders: ordersOf({ Order: valibotOrder, Query: valibotQuery }, { toJsonSchema }) },
  { name: 'arktype', Orders: ordersOf({ Order: arktypeOrder, Query: arktypeQuery }) },
]
