// A node of Moleculer over NATS, validated by the library that comes with it.
import { ServiceBroker } from 'moleculer'
import { uppercase } from '../../http/work.mjs'
import { listening } from '../../nats/serving.mjs'

const [, , port] = process.argv
const broker = new ServiceBroker({ nodeID: 'server', transporter: `nats://127.0.0.1:${port}`, logger: false })
broker.createService({
  name: 'users',
  actions: { uppercase: { params: { s: 'string|max:10000' }, handler: context => uppercase(context.params) } },
})
await broker.start()
listening('moleculer')
