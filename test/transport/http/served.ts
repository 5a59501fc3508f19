/** A server on a free port for one test, with what it reported; closed at the end of the test. */
import { connect as openSocket, type Socket } from 'node:net'
import anApp from 'express'
import type { AnyService, Listening, Runtime, ServerBinding } from 'tenon/contract'
import { systemClock } from 'tenon/core'
import * as http from 'tenon/transport/http'
import * as express from 'tenon/transport/http/express'
import { onTestFinished } from 'vitest'

export interface Served {
  readonly address: string
  readonly port: number
  readonly listening: Listening
  /** What was reported since it began. */
  readonly defects: unknown[]
}

function runtimeFor(defects: unknown[]): Runtime {
  const report = { ok: true, checks: {} }
  return {
    onDefect: thrown => void defects.push(thrown),
    clock: systemClock,
    probes: { live: () => report, ready: () => report },
  }
}

export function served(
  services: readonly AnyService[],
  options: Partial<http.HttpServerOptions> = {},
): Promise<Served> {
  return servedBy(http.server({ port: 0, ...options }), services)
}

export async function servedBy(binding: ServerBinding, services: readonly AnyService[]): Promise<Served> {
  const defects: unknown[] = []
  const listening = await binding.listen(services, runtimeFor(defects))
  onTestFinished(() => listening.close())
  const [address = ''] = listening.addresses
  return { address, port: Number(new URL(address).port), listening, defects }
}

/** The servers on node:http, ours and ours around an app. */
export const servers: Readonly<Record<string, typeof served>> = {
  'node:http': served,
  'an Express app': (services, { compression: _, mount: __, ...options } = {}) =>
    servedBy(express.server({ app: anApp(), port: 0, ...options }), services),
}

/** A response as it came over a socket. */
export interface RawResponse {
  readonly status: number
  /** By lower-case name; several values joined by a newline, so that a test sees them. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A socket that a test writes to by hand. */
export class RawConnection {
  readonly socket: Socket
  readonly closed: Promise<void>
  #text = ''
  #wake: (() => void) | undefined
  #isClosed = false

  constructor(port: number) {
    this.socket = openSocket({ port, host: '127.0.0.1', allowHalfOpen: false })
    this.socket.setEncoding('latin1')
    this.socket.on('data', chunk => {
      this.#text += chunk
      this.#wake?.()
    })
    this.socket.on('error', () => {})
    this.closed = new Promise(resolve => {
      this.socket.on('close', () => {
        this.#isClosed = true
        this.#wake?.()
        resolve()
      })
    })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  write(bytes: string | Uint8Array): this {
    this.socket.write(bytes)
    return this
  }

  /** The next response; undefined when the connection closed without one. `hasBody: false` after HEAD. */
  async response(hasBody = true): Promise<RawResponse | undefined> {
    for (;;) {
      const read = parse(this.#text, hasBody)
      if (read !== undefined) {
        this.#text = this.#text.slice(read.length)
        return read.response
      }
      if (this.#isClosed) return undefined
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  end(): void {
    this.socket.destroy()
  }
}

function parse(
  text: string,
  hasBody: boolean,
): { readonly response: RawResponse; readonly length: number } | undefined {
  const head = text.indexOf('\r\n\r\n')
  if (head === -1) return undefined
  const [first = '', ...lines] = text.slice(0, head).split('\r\n')
  const status = Number(first.split(' ')[1])
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    headers[name] = name in headers ? `${headers[name]}\n${value}` : value
  }
  const start = head + 4
  if (status === 100) {
    const rest = parse(text.slice(start), hasBody)
    return rest === undefined ? undefined : { ...rest, length: rest.length + start }
  }
  if (!hasBody || status === 204) return { response: { status, headers, body: '' }, length: start }
  if (headers['transfer-encoding'] === 'chunked') return parseChunked(text, start, { status, headers })
  const length = start + Number(headers['content-length'] ?? 0)
  if (text.length < length) return undefined
  return { response: { status, headers, body: utf8(text.slice(start, length)) }, length }
}

function parseChunked(
  text: string,
  start: number,
  head: Omit<RawResponse, 'body'>,
): { readonly response: RawResponse; readonly length: number } | undefined {
  let body = ''
  for (let at = start; ; ) {
    const line = text.indexOf('\r\n', at)
    if (line === -1) return undefined
    const size = Number.parseInt(text.slice(at, line), 16)
    const end = line + 2 + size
    if (text.length < end + 2) return undefined
    if (size === 0) return { response: { ...head, body: utf8(body) }, length: end + 2 }
    body += text.slice(line + 2, end)
    at = end + 2
  }
}

function utf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8')
}

/** Opens a connection, which the test's end closes. */
export function open(port: number): RawConnection {
  const connection = new RawConnection(port)
  onTestFinished(() => connection.end())
  return connection
}

/** One request by hand and its response. */
export async function ask(
  port: number,
  request: string | Uint8Array,
  hasBody = true,
): Promise<RawResponse | undefined> {
  const connection = open(port)
  const response = await connection.write(request).response(hasBody)
  connection.end()
  return response
}

/** Waits until `isTrue`, for at most `limitMs`. */
export async function until(what: string, isTrue: () => boolean, limitMs = 20_000): Promise<void> {
  const end = performance.now() + limitMs
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${limitMs} ms`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
