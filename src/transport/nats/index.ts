// "tenon/transport/nats": services and clients over NATS, on connections of `nats` 2 or `@nats-io/transport-node` 3.
export { client } from './client.js'
export type {
  NatsConnection,
  NatsHeaders,
  NatsMessage,
  NatsPublishOptions,
  NatsSubscribeOptions,
  NatsSubscription,
  ReceivedHeaders,
} from './connection.js'
export { type ConnectionDefaults, connectionDefaults } from './connection-defaults.js'
export { consumer } from './consumer.js'
export type { ConsumerOptions, StreamMessage } from './consumer-options.js'
export {
  type Called,
  type ClientCodec,
  decodeSuccess,
  type EndpointOptions,
  type EndpointRequest,
  type EndpointResponse,
  endpoint,
  type NatsEndpoint,
  type NatsTarget,
} from './endpoint.js'
export { type Callback, handler } from './handler.js'
export type { Finished, HandlerOptions, HandlerRequest, HandlerResponse, ServerCodec } from './handler-options.js'
export type { MicroOptions } from './micro.js'
export { type OfMethod, type Published, type Publisher, type PublisherOptions, publisher } from './publisher.js'
export type { NatsClientOptions } from './remote.js'
export { server } from './server.js'
export type { NatsServerOptions } from './server-options.js'
