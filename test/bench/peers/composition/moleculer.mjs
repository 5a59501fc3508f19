// Moleculer: `localAction` middleware around an action, called through the broker without a transporter. Layers add
// to the context's `locals`.
import { ServiceBroker } from 'moleculer'
import { additions, after, before, handler } from '../../composition/work.mjs'

export function layer(index) {
  const addition = additions[index]
  return {
    name: `layer-${index}`,
    localAction: next => async context => {
      const state = before(index, context.params)
      if (addition !== undefined) Object.assign(context.locals, addition.of(context.params.n))
      const response = await next(context)
      after(state, response)
      return response
    },
  }
}

export async function stack(layers) {
  const broker = new ServiceBroker({ logger: false, middlewares: layers })
  broker.createService({
    name: 'orders',
    actions: { get: context => handler(context.params, context.locals) },
  })
  await broker.start()
  return { invoke: request => broker.call('orders.get', request) }
}
