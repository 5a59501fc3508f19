// "tenon/transport/http/express": services inside an Express 5 app, beside its own middleware and routes. Express itself is not loaded
// here: what the app hands over is enough, so that only its types are needed.
export { attachment } from '../attachment.js'
export { client, type HttpClientOptions } from '../client.js'
export { endpoint } from '../endpoint.js'
export type { EndpointOptions } from '../endpoint-options.js'
export type { Finished, HandlerResponse, ServerCodec } from '../handler-options.js'
export { type RedirectOptions, redirect } from '../redirect.js'
export type { FromRequest } from './from-request.js'
export { type ExpressHandlerOptions, type ExpressHandlerRequest, type HandlerArguments, handler } from './handler.js'
export type { ExpressHandler } from './request.js'
export { type RequiredBy, type RouterArguments, router } from './router.js'
export type { RouterOptions } from './router-options.js'
export { type ExpressServerOptions, server } from './server.js'
