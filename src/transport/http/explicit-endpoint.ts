// An endpoint whose codec says the whole request, URL included: Go kit's NewExplicitClient, for callbacks and links that come as
// data. The connections of each server are kept apart, and of a bounded number of servers.
import { CallError, failureOf } from '../../core/index.js'
import { type Opened, openRemote } from './client.js'
import { checkedPath, endpointOf, type HttpEndpoint } from './endpoint.js'
import { type Place, unsendable } from './endpoint-call.js'
import type { ClientCodec, ExplicitOptions, ExplicitRequest } from './endpoint-options.js'
import { limit } from './limit.js'

/**
 * An endpoint that calls the URL that `codec.encode` says, each time another if need be. Whoever chooses that URL chooses what is
 * called from inside your network: take only URLs that you made or checked. Redirects are not followed. Throws as `endpoint` does.
 */
export function explicitEndpoint<Req, Res, E = never>(
  codec: ClientCodec<Req, Res, E, ExplicitRequest>,
  options: ExplicitOptions = {},
): HttpEndpoint<Req, Res, E> {
  const origins = new Origins(limit('maxOrigins', options.maxOrigins ?? 32), options)
  openRemote('http://localhost', options) // throws for options that make no sense; opens nothing
  return endpointOf({
    target: { transport: 'http', peer: '*' }, // each request names its own
    calling: {
      codec: codec as ClientCodec<unknown, unknown, unknown, ExplicitRequest>, // called with what `endpointOf`'s types say
      options,
      maxStreamBytes: limit('maxStreamBytes', options.maxStreamBytes ?? 1 << 30),
      placeOf: ({ url }) => origins.placeOf(url),
    },
    method: options.method,
    close: () => origins.close(),
  })
}

/** The servers that were called, the one that was longest not called first. */
class Origins {
  readonly #opened: Map<string, Opened> = new Map()
  readonly #most: number
  readonly #options: ExplicitOptions
  readonly #closing: Set<Promise<void>> = new Set()
  #isClosed = false

  constructor(most: number, options: ExplicitOptions) {
    this.#most = most
    this.#options = options
  }

  placeOf(text: string): Place {
    const url = urlOf(text)
    if (this.#isClosed)
      throw new CallError(
        failureOf('unavailable', 'CLIENT_CLOSED', `the client of ${url.host} is closed`, { ran: 'no' }),
      )
    const opened = this.#opened.get(url.origin) ?? this.#open(url)
    this.#opened.delete(url.origin) // and in again, behind all others
    this.#opened.set(url.origin, opened)
    return { remote: opened.remote, path: checkedPath(url.pathname + url.search) }
  }

  #open({ origin, host }: URL): Opened {
    if (this.#opened.size >= this.#most) this.#makeRoom(host)
    return openRemote(origin, this.#options)
  }

  #makeRoom(host: string): void {
    for (const [origin, { remote, close }] of this.#opened) {
      if (remote.calls > 0 || remote.sender.value === undefined) continue // calls go on, or are about to
      this.#opened.delete(origin)
      const closing = close().finally(() => this.#closing.delete(closing))
      this.#closing.add(closing)
      return
    }
    const message = `calls to ${this.#most} servers are going on, and ${host} would be one more`
    throw new CallError(failureOf('resource_exhausted', 'TOO_MANY_CALLS', message, { ran: 'no' }))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#closing, ...[...this.#opened.values()].map(({ close }) => close())])
  }
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw unsendable('INVALID_REQUEST', `${JSON.stringify(String(text).slice(0, 100))} is no URL of http: or https:`)
  if (url.username !== '' || url.password !== '')
    throw unsendable('INVALID_REQUEST', 'a URL holds no credentials: send them as a header')
  return url
}
