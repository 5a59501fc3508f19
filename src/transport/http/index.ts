// "tenon/transport/http": services and clients over HTTP/1.1, on node:http, without a framework.

export type { Pem } from '../pem.js'
export type { TlsIdentity, TlsOptions } from '../tls-options.js'
export { attachment } from './attachment.js'
export { client, type HttpClientOptions, type TlsClientOptions } from './client.js'
export type { CompressionOptions } from './compression.js'
export type { ContentCoding } from './content-coding.js'
export type { CorsOptions } from './cors.js'
export { decodeSuccess, endpoint, type HttpEndpoint } from './endpoint.js'
export type {
  Called,
  ClientCodec,
  EndpointOptions,
  EndpointRequest,
  EndpointResponse,
  ExplicitOptions,
  ExplicitRequest,
  StreamedResponse,
} from './endpoint-options.js'
export { explicitEndpoint } from './explicit-endpoint.js'
export { handler, type Listener } from './handler.js'
export type {
  Finished,
  HandlerOptions,
  HandlerRequest,
  HandlerResponse,
  ProvidingOptions,
  ServerCodec,
} from './handler-options.js'
export { json } from './json-body.js'
export type { HttpHeaders, HttpResponse } from './message.js'
export type { PageRequest, PageSource, Pages } from './pages.js'
export { checkPreconditions } from './preconditions.js'
export { problem } from './problem-response.js'
export type { CredentialHeader, ForwardedPolicy } from './proxy-headers.js'
export type { ForwardedRequest, ReverseProxyOptions } from './proxy-options.js'
export { type RedirectOptions, redirect } from './redirect.js'
export { RequestInfo, requestInfo, type WithRequestInfo } from './request-info.js'
export { type ReverseProxy, reverseProxy } from './reverse-proxy.js'
export { type HttpServerBinding, server } from './server.js'
export type { HttpServerOptions } from './server-options.js'
export { setHeader } from './set-header.js'
export type { TrustedProxiesOptions } from './trusted-proxies.js'
