// Reports spans to a Zipkin server with its own JavaScript library: its model, its encoder of V2 JSON and its HTTP transport. Not its
// tracer, recorder and contexts, which lose the current span at the first await and keep an unbounded queue; and the transport only on a
// leash: one request at a time, with a limit to how long, and an answer to whoever waits for it.
import type { EventEmitter } from 'node:events'
import zipkinLibrary from 'zipkin'
import transport from 'zipkin-transport-http'
import { type BatchingOptions, type BatchingReporter, batching, type Exporter, type Origin } from '../index.js'
import { zipkinSpan } from './zipkin-span.js'

/** Options of {@link zipkin}. */
export interface ZipkinOptions extends BatchingOptions {
  /** Sent with each request: for a proxy that wants to know who reports. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * A reporter for a Zipkin server: `url` is its address (`http://localhost:9411`, to which `/api/v2/spans` is added) or that of another
 * collector of V2 JSON, with its path. Spans are sent as {@link batching} says. An answer but 200 and 202, a redirect included, loses the
 * batch. Throws `TypeError` for what is no http or https URL or has a password in it (use `headers`).
 *
 * Each reporter keeps one timer of the transport's, which fires every 24 days, does nothing and keeps no process alive.
 */
export function zipkin(url: string | URL, options: ZipkinOptions = {}): BatchingReporter {
  const { headers = {}, ...rest } = options
  return batching(new ZipkinExporter(endpointOf(url), headers), rest)
}

function endpointOf(url: string | URL): string {
  const parsed = URL.canParse(String(url)) ? new URL(String(url)) : undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    throw new TypeError('zipkin: the url must begin with http:// or https://')
  if (parsed.username !== '' || parsed.password !== '')
    throw new TypeError('zipkin: the url must not have a password in it; use headers')
  if (parsed.pathname === '/') parsed.pathname = '/api/v2/spans'
  return parsed.href
}

/** The longest that a timer can be set to, in ms. */
const neverMs = 2 ** 31 - 1

/** The transport, as it is and not as it declares itself. */
type Logger = transport.HttpLogger & EventEmitter & { processQueue(fetchImplementation: typeof fetch): void }

interface Pending {
  readonly signal: AbortSignal
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

class ZipkinExporter implements Exporter {
  readonly name = 'zipkin'
  readonly #logger: Logger
  #origin: Origin = { service: 'unknown', instance: '', attributes: {} }
  #pending: Pending | undefined

  constructor(endpoint: string, headers: Readonly<Record<string, string>>) {
    const jsonEncoder = zipkinLibrary.jsonEncoder.JSON_V2 // V1, the default, would lose the local endpoint
    const options = { endpoint, headers, jsonEncoder, httpInterval: neverMs }
    this.#logger = new transport.HttpLogger(options) as Logger // an EventEmitter, says its source
    this.#logger.on('success', () => this.#pending?.resolve())
    // Without a listener, each failure is written to the console with all spans of the batch, which this text has in it as well.
    this.#logger.on('error', (error: Error) =>
      this.#pending?.reject(new Error(error.message.replace(/, body: .*/s, ''))),
    )
  }

  start(origin: Origin): void {
    this.#origin = origin
  }

  export(spans: Parameters<Exporter['export']>[0], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      for (const span of spans) this.#logger.logSpan(zipkinSpan(span, this.#origin))
      this.#pending = { signal, resolve, reject }
      this.#logger.processQueue((url, request) => this.#fetch(url, request, signal))
    })
  }

  /** Node's fetch hears neither `timeout` nor `agent`; a signal it does. */
  async #fetch(url: string | URL | Request, request: RequestInit | undefined, signal: AbortSignal): Promise<Response> {
    const { method, body, headers } = request ?? {}
    const sent: RequestInit = { method: method ?? 'POST', body: body ?? '', headers: headers ?? {} }
    const response = await fetch(url, { ...sent, redirect: 'manual', signal })
    await response.body?.cancel() // nobody reads what it says, however long that is
    return response
  }
}
