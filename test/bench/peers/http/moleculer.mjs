// Moleculer: actions behind moleculer-web, validated by the library that comes with it.
import { ServiceBroker } from 'moleculer'
import ApiGateway from 'moleculer-web'
import { listening } from '../../http/serving.mjs'
import { maxBodyBytes, uppercase, user } from '../../http/work.mjs'

const broker = new ServiceBroker({ logger: false })
broker.createService({
  name: 'users',
  actions: {
    uppercase: { params: { s: 'string|max:10000' }, handler: context => uppercase(context.params) },
    user: { params: { id: 'string|max:40' }, handler: context => user(context.params) },
  },
})
const gateway = broker.createService({
  name: 'api',
  mixins: [ApiGateway],
  settings: {
    port: 0,
    ip: '127.0.0.1',
    routes: [
      {
        path: '/',
        bodyParsers: { json: { limit: maxBodyBytes } },
        aliases: { 'POST /uppercase': 'users.uppercase', 'GET /users/:id': 'users.user' },
      },
    ],
  },
})
await broker.start()
listening(gateway.server.address().port)
