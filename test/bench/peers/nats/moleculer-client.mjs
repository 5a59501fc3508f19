// A node of Moleculer that calls another one, with three values in its context and validation of the answer.
import { ServiceBroker } from 'moleculer'
import { schemas } from '../../http/work.mjs'
import { calling } from '../../nats/clients/run.mjs'
import { metadata } from '../../nats/connection.mjs'

const [, , port, width] = process.argv
const broker = new ServiceBroker({ nodeID: 'client', transporter: `nats://127.0.0.1:${port}`, logger: false })
await broker.start()
await broker.waitForServices('users')
calling(Number(width), async input =>
  schemas.uppercase.response.parse(await broker.call('users.uppercase', input, { meta: metadata, timeout: 30_000 })),
)
