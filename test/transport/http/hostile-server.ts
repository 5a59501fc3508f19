/** A server that answers with given bytes, whatever it is asked. */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Hostile {
  readonly address: string
  readonly port: number
  /** How many requests (heads) came. */
  readonly requests: string[]
  /** The open connections on which something was asked. */
  readonly sockets: Set<Socket>
  readonly server: Server
}

/** What becomes of a request, the `index`th of all. */
export type Behaviour = (socket: Socket, index: number, head: string) => void

export async function hostile(behave: Behaviour): Promise<Hostile> {
  const requests: string[] = []
  const all = new Set<Socket>()
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    all.add(socket)
    let text = ''
    socket.on('error', () => {})
    socket.on('close', () => {
      all.delete(socket)
      sockets.delete(socket)
    })
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      for (let at = text.indexOf('\r\n\r\n'); at !== -1; at = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, at)
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
        if (text.length < at + 4 + length) return
        text = text.slice(at + 4 + length)
        requests.push(head)
        sockets.add(socket)
        behave(socket, requests.length - 1, head)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of all) socket.destroy()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { address: `http://127.0.0.1:${port}`, port, requests, sockets, server }
}

/** A response as bytes. */
export function response(status: string, headers: Readonly<Record<string, string>>, body = ''): string {
  const all = { 'content-length': String(Buffer.byteLength(body)), ...headers }
  return [`HTTP/1.1 ${status}`, ...Object.entries(all).map(([name, value]) => `${name}: ${value}`), '', body].join(
    '\r\n',
  )
}
