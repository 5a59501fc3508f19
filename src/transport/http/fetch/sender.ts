// Sends with fetch: the only way out of browsers and Workers. Ten times the cost of undici's dispatch on Node; there, use the
// HTTP transport's own client.
import { isWhole, type Receiver, type Sender, type Sending, type SentRequest } from '../sender.js'

/** What sends: the platform's `fetch`, or another of its shape. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

const decoder = new TextDecoder()

/** A {@link Sender} over fetch. The platform keeps the connections. */
export function fetchSender(origin: string, send: Fetch): Sender {
  return {
    send: (request, receiver) => new FetchExchange(origin, request, { receiver, send }),
    textOf: chunks => {
      if (chunks.length === 1) return decoder.decode(chunks[0])
      const streaming = new TextDecoder()
      return chunks.map(chunk => streaming.decode(chunk, { stream: true })).join('') + streaming.decode()
    },
    close: async () => {},
  }
}

class FetchExchange implements Sending {
  readonly #receiver: Receiver
  readonly #controller: AbortController = new AbortController()
  readonly #body: AsyncIterator<Uint8Array> | undefined
  #reader: { cancel(): Promise<void> } | undefined
  #resume: (() => void) | undefined
  #over = false

  constructor(
    origin: string,
    request: SentRequest,
    { receiver, send }: { readonly receiver: Receiver; readonly send: Fetch },
  ) {
    this.#receiver = receiver
    receiver.onSent() // fetch does not say when a connection is there, so the request may have run from here on
    const { body } = request
    this.#body = isWhole(body) ? undefined : body[Symbol.asyncIterator]()
    void this.#run(send(origin + request.path, initOf(request, this.#body, this.#controller.signal)))
  }

  async #run(sent: Promise<Response>): Promise<void> {
    try {
      const response = await sent
      if (this.#over) {
        await response.body?.cancel()
        return
      }
      // Of a redirect browsers tell nothing but that it is one.
      const status = response.type === 'opaqueredirect' ? 302 : response.status
      this.#receiver.onHead(status, headersOf(response.headers))
      await this.#read(response)
      if (this.#over) return
      this.#finish()
      this.#receiver.onEnd()
    } catch (error) {
      if (this.#over) return
      this.#finish()
      this.#receiver.onError(error)
    }
  }

  /** The server may have answered before it read the whole request, and not every fetch closes what it was sending. */
  #finish(): void {
    this.#over = true
    if (this.#body === undefined) return
    this.#controller.abort()
    this.#body.return?.().catch(() => {})
  }

  async #read(response: Response): Promise<void> {
    const reader = response.body?.getReader()
    if (reader === undefined) return
    this.#reader = reader
    for (let read = await reader.read(); !read.done && !this.#over; read = await reader.read()) {
      if (this.#receiver.onData(read.value)) continue
      await new Promise<void>(resolve => {
        this.#resume = resolve
      })
    }
  }

  abort(): void {
    this.#finish()
    this.#controller.abort()
    this.#reader?.cancel().catch(() => {}) // a `fetch` of the caller's own need not look at the signal
    this.resume()
  }

  resume(): void {
    this.#resume?.()
    this.#resume = undefined
  }
}

/** By name. Only `set-cookie` is told value by value, and in browsers not at all. */
function headersOf(given: Headers): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {}
  given.forEach((value, name) => {
    if (name === 'set-cookie') headers[name] = [...(headers[name] ?? []), value]
    else headers[name] = value
  })
  return headers
}

function initOf(
  { method, headers, body }: SentRequest,
  stream: AsyncIterator<Uint8Array> | undefined,
  signal: AbortSignal,
): RequestInit {
  const pairs: [string, string][] = []
  for (let i = 0; i < headers.length; i += 2) pairs.push([headers[i] as string, headers[i + 1] as string]) // names and values in turn
  const init: RequestInit = { method, headers: pairs, signal, redirect: 'manual' }
  if (stream !== undefined) return { ...init, body: streamOf(stream), duplex: 'half' }
  return body !== undefined && isWhole(body) ? { ...init, body: body as string } : init // bytes are a body, too: only the types of TypeScript's fetch are narrower
}

function streamOf(chunks: AsyncIterator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      const { done, value } = await chunks.next()
      if (done === true) controller.close()
      else controller.enqueue(value)
    },
    cancel: () => chunks.return?.().then(() => {}),
  })
}
