// Sends with node:http: what there is where undici is not installed.
import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { Readable } from 'node:stream'
import { bufferText } from './buffer-text.js'
import type { Receiver, Sender, SenderOptions, Sending, SentRequest } from './sender.js'

/** A pool of node:http connections. */
export function nodeSender(origin: string, options: SenderOptions): Sender {
  const { protocol, hostname, port } = new URL(origin)
  const secure = protocol === 'https:'
  const agentOptions = {
    keepAlive: true,
    maxSockets: options.maxConnections,
    timeout: options.keepAliveTimeoutMs,
    scheduling: 'lifo' as const,
  }
  const agent = secure ? new HttpsAgent(agentOptions) : new Agent(agentOptions)
  const open = secure ? httpsRequest : httpRequest
  const host = hostname.replace(/^\[|\]$/g, '')
  return {
    send({ method, path, headers, body }, receiver) {
      const request = open({ host, port, method, path, headers: recordOf(headers), agent })
      return new NodeExchange(request, { receiver, body, connectTimeoutMs: options.connectTimeoutMs })
    },
    textOf: bufferText,
    async close() {
      agent.destroy()
    },
  }
}

/** As a list, node would take them as they are and leave out `host`. */
function recordOf(headers: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {}
  for (let i = 0; i < headers.length; i += 2) record[headers[i] as string] = headers[i + 1] as string // names and values in turn
  return record
}

interface ExchangeInit {
  readonly receiver: Receiver
  readonly body: SentRequest['body']
  readonly connectTimeoutMs: number
}

class NodeExchange implements Sending {
  readonly #request: ClientRequest
  readonly #receiver: Receiver
  #response: IncomingMessage | undefined
  #over = false

  constructor(request: ClientRequest, { receiver, body, connectTimeoutMs }: ExchangeInit) {
    this.#request = request
    this.#receiver = receiver
    request.on('socket', socket => {
      if (!socket.connecting) {
        receiver.onSent()
        return
      }
      const timer = setTimeout(
        () => request.destroy(Object.assign(new Error('connect timeout'), { code: 'ETIMEDOUT' })),
        connectTimeoutMs,
      )
      socket.once('close', () => clearTimeout(timer))
      socket.once('connect', () => {
        clearTimeout(timer)
        receiver.onSent()
      })
    })
    request.on('response', response => this.#read(response))
    request.on('error', error => this.#fail(error))
    if (typeof body === 'object')
      Readable.from(body, { objectMode: false })
        .on('error', error => this.#abortWith(error))
        .pipe(request)
    else request.end(body)
  }

  #read(response: IncomingMessage): void {
    this.#response = response
    this.#receiver.onHead(response.statusCode ?? 0, response.headers)
    response.on('data', (chunk: Buffer) => {
      if (!this.#over && !this.#receiver.onData(chunk)) response.pause()
    })
    response.on('end', () => {
      if (this.#over) return
      this.#over = true
      this.#receiver.onEnd()
    })
    response.on('error', error => this.#fail(error))
  }

  #fail(error: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#receiver.onError(error)
  }

  #abortWith(error: Error): void {
    this.#fail(error)
    this.#request.destroy()
  }

  abort(): void {
    this.#over = true
    this.#request.destroy()
  }

  resume(): void {
    this.#response?.resume()
  }
}
