// "tenon/transport/http/fetch": services and clients for fetch runtimes: browsers, Bun, Deno, Workers.
export { attachment } from '../attachment.js'
export { checkPreconditions } from '../preconditions.js'
export { type RedirectOptions, redirect } from '../redirect.js'
export { client, type FetchClientOptions } from './client.js'
export type { Fetch } from './sender.js'
export { type FetchServerOptions, server } from './server.js'
