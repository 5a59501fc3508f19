// Sends with node:http: what there is where undici is not installed.
import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { pipeline } from 'node:stream'
import { bodyStream } from './body-stream.js'
import { bufferText } from './buffer-text.js'
import { isWhole, type Receiver, type Sender, type SenderOptions, type Sending, type SentRequest } from './sender.js'
import { zlibUnpacker } from './unpacker.js'

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
  const agent = secure ? new HttpsAgent({ ...agentOptions, ...options.tls }) : new Agent(agentOptions)
  agent.on('free', (socket: Socket) => socket.off('data', cut).on('data', cut)) // more often than it is used
  const open = secure ? httpsRequest : httpRequest
  const host = hostname.replace(/^\[|\]$/g, '')
  const going = new Set<ClientRequest>()
  let onIdle: (() => void) | undefined
  return {
    send({ method, path, headers, body }, receiver) {
      const request = open({ host, port, method, path, headers: recordOf(headers, body), agent })
      going.add(request)
      request.on('close', () => {
        going.delete(request)
        if (going.size === 0) onIdle?.()
      })
      return new NodeExchange(request, { receiver, body, secure, connectTimeoutMs: options.connectTimeoutMs })
    },
    unpacker: zlibUnpacker,
    textOf: bufferText,
    async close() {
      agent.maxFreeSockets = 0 // those that are still in use close after it
      for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy()
      if (going.size > 0) {
        await new Promise<void>(resolve => {
          onIdle = resolve
        })
      }
      agent.destroy()
    },
  }
}

/** What comes on an idle connection would be taken for the next request's response. */
function cut(this: Socket): void {
  this.destroy()
}

/** As a list, node would take them as they are and leave out `host`. Of a GET or DELETE it would not say how long its body is. */
function recordOf(headers: readonly string[], body: SentRequest['body']): Record<string, string> {
  const record: Record<string, string> = {}
  for (let i = 0; i < headers.length; i += 2) record[headers[i] as string] = headers[i + 1] as string // names and values in turn
  if (!isWhole(body)) {
    // Of a GET node would send the bytes without saying where they end: what follows the head would be another request.
    if (record['content-length'] === undefined) record['transfer-encoding'] = 'chunked'
  } else if (body !== undefined) record['content-length'] = String(Buffer.byteLength(body))
  return record
}

interface ExchangeInit {
  readonly receiver: Receiver
  readonly body: SentRequest['body']
  readonly secure: boolean
  readonly connectTimeoutMs: number
}

class NodeExchange implements Sending {
  readonly #request: ClientRequest
  readonly #receiver: Receiver
  #response: IncomingMessage | undefined
  #over = false

  constructor(request: ClientRequest, { receiver, body, secure, connectTimeoutMs }: ExchangeInit) {
    this.#request = request
    this.#receiver = receiver
    request.on('socket', socket => {
      socket.off('data', cut)
      if (!socket.connecting) {
        receiver.onSent()
        return
      }
      const timer = setTimeout(
        () => request.destroy(Object.assign(new Error('connect timeout'), { code: 'ETIMEDOUT' })),
        connectTimeoutMs,
      )
      socket.once('close', () => clearTimeout(timer))
      socket.once(secure ? 'secureConnect' : 'connect', () => {
        clearTimeout(timer)
        receiver.onSent()
      })
    })
    request.on('response', response => this.#read(response))
    request.on('upgrade', (_response, socket) => {
      socket.destroy() // nobody asked for it, and node tells of it nowhere else
      this.#fail(new Error('the server changed to another protocol'))
    })
    request.on('error', error => this.#fail(error))
    if (isWhole(body)) request.end(body)
    else pipeline(bodyStream(body), request, () => {}) // closes the body when the request ends before it does
  }

  #read(response: IncomingMessage): void {
    this.#response = response
    this.#receiver.onHead(response.statusCode ?? 0, response.headers)
    response.on('data', (chunk: Buffer) => {
      if (!this.#over && !this.#receiver.onData(chunk)) response.pause()
    })
    response.on('end', () => {
      if (!this.#request.writableFinished) this.#request.destroy() // the server wants no more of it
      if (this.#over) return
      this.#over = true
      this.#receiver.onEnd(response.rawTrailers.length > 0 ? response.trailers : undefined)
    })
    response.on('error', error => this.#fail(error))
  }

  #fail(error: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#receiver.onError(error)
  }

  abort(): void {
    this.#over = true
    this.#request.destroy()
  }

  resume(): void {
    this.#response?.resume()
  }
}
