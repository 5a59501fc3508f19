// A connection that lines are written to: made when there is something to write, and made anew after it was lost. The protocol has no
// answers, so a batch counts as sent when the system has taken it.
import { connect, type Socket } from 'node:net'

/** Where to. */
export interface LineTarget {
  readonly host: string
  readonly port: number
}

/** Writes lines. */
export class LineConnection {
  readonly #target: LineTarget
  #socket: Socket | undefined

  constructor(target: LineTarget) {
    this.#target = target
  }

  /** Resolves when the system has taken the text; rejects where the connection fails first, or the signal aborts. */
  async write(text: string, signal: AbortSignal): Promise<void> {
    const socket = this.#socket ?? (await this.#open(signal))
    await new Promise<void>((resolve, reject) => {
      const lost = (error?: Error): void => reject(error ?? new Error('the connection was closed'))
      const give = (): void => this.#discard(socket)
      socket.once('close', lost)
      signal.addEventListener('abort', give, { once: true }) // half a batch may be on its way: the next begins on a new connection
      socket.write(text, error => {
        socket.off('close', lost)
        signal.removeEventListener('abort', give)
        if (error) reject(error)
        else resolve()
      })
    })
  }

  end(): void {
    this.#socket?.end()
    this.#socket?.unref()
    this.#socket = undefined
  }

  #open(signal: AbortSignal): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ ...this.#target, noDelay: true })
      const give = (): void => {
        socket.destroy()
      }
      signal.addEventListener('abort', give, { once: true })
      socket.on('error', reject) // and later ones, which `close` follows
      socket.once('close', () => {
        reject(new Error('the connection was closed'))
        this.#discard(socket)
      })
      socket.once('connect', () => {
        signal.removeEventListener('abort', give)
        socket.unref()
        socket.resume() // nothing comes, but its end
        this.#socket = socket
        resolve(socket)
      })
    })
  }

  #discard(socket: Socket): void {
    if (this.#socket === socket) this.#socket = undefined
    socket.destroy()
  }
}
