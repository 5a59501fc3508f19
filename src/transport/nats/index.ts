// "tenon/transport/nats": services and clients over NATS, on connections of `nats` 2 or `@nats-io/transport-node` 3.
export { client, type NatsClientOptions } from './client.js'
export type {
  NatsConnection,
  NatsHeaders,
  NatsMessage,
  NatsPublishOptions,
  NatsSubscribeOptions,
  NatsSubscription,
  ReceivedHeaders,
} from './connection.js'
export type { MicroOptions } from './micro.js'
export { server } from './server.js'
export type { NatsServerOptions } from './server-options.js'
