/** A shop that calls its stock over HTTP, each with a tracer of its own, as in two processes: what a trace server is to show whole. */
import { call, chain, connect, contract, failed, failure, implement, left, method, stream } from 'tenon'
import { serve } from 'tenon/lifecycle'
import { retry, tracing } from 'tenon/middleware'
import { type FormatName, type Reporter, type Tracer, tracer } from 'tenon/tracing'
import * as http from 'tenon/transport/http'
import { z } from 'zod'

const Item = z.object({ sku: z.string() })

const Stock = contract('shop.v1.Stock', {
  take: method({
    request: Item,
    response: Item,
    idempotency: 'idempotent',
    failures: { OutOfStock: failure('failed_precondition', Item) },
    http: { post: '/take' },
  }),
  watch: method({ request: Item, response: stream(Item), idempotency: 'safe', http: { get: '/watch/{sku}' } }),
})

const Shop = contract('shop.v1.Shop', {
  order: method({ request: Item, response: Item, idempotency: 'unsafe', http: { post: '/order' } }),
})

export interface TracedShopOptions {
  /** Makes what a service reports to. @defaultValue nothing */
  readonly reporter?: () => Reporter
  /** Makes the tracer of a service, in place of one with that reporter and these formats. */
  readonly tracerOf?: (service: string) => Tracer
  readonly formats?: readonly FormatName[]
  readonly sharesSpans?: boolean
}

export interface TracedShop {
  /** Orders something; the id of the trace. `flaky`: the second attempt succeeds. `gone`, `broken`: the stock says so. */
  order(sku: 'tea' | 'flaky' | 'gone' | 'broken'): Promise<string>
  /** Drains both, as a signal would; their tracers are resources of `serve`. */
  stop(): Promise<void>
}

export async function tracedShop(options: TracedShopOptions): Promise<TracedShop> {
  const { reporter, formats = ['w3c'], sharesSpans = false } = options
  const ours = (service: string): Tracer => {
    const reporters = reporter === undefined ? [] : [reporter()]
    return tracer({ service, reporters, formats, sharesSpans, attributes: { version: '1.4.2' } })
  }
  const { tracerOf = ours } = options
  const [forShop, forStock] = [tracerOf('shop'), tracerOf('stock')]
  let takes = 0
  const stock = implement(Stock)
    .use(tracing(forStock))
    .handlers({
      take({ sku }) {
        if (sku === 'gone') return left(Stock.failures.OutOfStock({ sku }))
        if (sku === 'broken') return failed('internal', 'SHELF_BROKEN', 'secret words')
        if (sku === 'flaky' && takes++ % 2 === 0) return failed('unavailable', 'SHELF_BUSY', 'secret words')
        return { sku }
      },
      async *watch({ sku }) {
        yield { sku }
        yield { sku }
      },
    })
  const serving = { signals: false, closeTimeoutMs: 5_000, onEvent: () => {} } as const
  const [stockServer, binding] = await (async () => {
    const running = await serve([stock], [http.server({ port: 0 })], { ...serving, resources: [forStock] })
    return [running, http.client(running.addresses[0] ?? '')] as const
  })()
  const client = connect(Stock, binding)
  const take = chain(retry({ baseMs: 1 }), tracing(forShop))(client.take)
  const watch = tracing(forShop)(client.watch)
  let traceId = ''
  const shop = implement(Shop)
    .use(tracing(forShop))
    .handlers({
      async order({ sku }, context) {
        traceId = context.span?.traceId ?? ''
        context.span?.set('basket', 1)
        context.span?.event('checked', { limit: true })
        const taken = await call(take, { sku }, { context })
        if (taken._tag === 'Left') return failed('failed_precondition', 'NOT_TAKEN', 'not taken')
        const watched = await call(watch, { sku }, { context })
        if (watched._tag === 'Right') for await (const _ of watched.right);
        return { sku }
      },
    })
  const shopServer = await serve([shop], [http.server({ port: 0 })], { ...serving, resources: [forShop] })
  const customers = http.client(shopServer.addresses[0] ?? '')
  const { order } = connect(Shop, customers)
  return {
    async order(sku) {
      const outgoing = { authorization: 'Bearer secret words', cookie: 'secret=words' }
      await call(order, { sku }, { outgoing })
      return traceId
    },
    async stop() {
      await customers.close()
      await shopServer.drain()
      await binding.close()
      await stockServer.drain()
    },
  }
}
