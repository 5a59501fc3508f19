// "tenon/transport/http": services and clients over HTTP/1.1, on node:http, without a framework.
export { client, type HttpClientOptions } from './client.js'
export type { CompressionOptions } from './compression.js'
export type { ContentCoding } from './content-coding.js'
export {
  type ClientCodec,
  decodeSuccess,
  type EndpointOptions,
  type EndpointRequest,
  type EndpointResponse,
  endpoint,
  type HttpEndpoint,
} from './endpoint.js'
export { handler } from './handler.js'
export type { Finished, HandlerOptions, HandlerRequest, HandlerResponse, ServerCodec } from './handler-options.js'
export type { HttpHeaders, HttpResponse } from './message.js'
export type { PageRequest, PageSource, Pages } from './pages.js'
export { server } from './server.js'
export type { HttpServerOptions } from './server-options.js'
