// "tenon/transport/http": services and clients over HTTP/1.1, on node:http, without a framework.
export { client, type HttpClientOptions } from './client.js'
export {
  type ClientCodec,
  decodeSuccess,
  type EndpointOptions,
  type EndpointRequest,
  type EndpointResponse,
  endpoint,
  type HttpEndpoint,
} from './endpoint.js'
export {
  type Finished,
  type HandlerOptions,
  type HandlerRequest,
  type HandlerResponse,
  handler,
  type ServerCodec,
} from './handler.js'
export type { HttpHeaders } from './message.js'
export { type HttpServerOptions, server } from './server.js'
