// Connections that have one request at a time each, over bare sockets: a load that takes less of its core than any server takes of
// its own.
import { connect } from 'node:net'

/**
 * @template {{ readonly bytes: Buffer }} Asked
 * @param {{
 *   readonly port: number
 *   readonly connections: number
 *   readonly next: () => Asked
 *   readonly check: (received: string, asked: Asked) => void
 * }} options - `next` gives what is asked next, `check` throws where a response is not what it must be
 */
export function pool({ port, connections, next, check }) {
  let left = 0
  let open = 0
  let done = () => {}
  const take = () => {
    if (left === 0) {
      if (--open === 0) done()
      return undefined
    }
    left--
    return next()
  }
  const all = Array.from({ length: connections }, () => new Connection(port, take, check))
  return {
    /** Asks `count` times. */
    run: count =>
      new Promise(resolve => {
        left = count
        open = all.length
        done = resolve
        for (const connection of all) connection.ask()
      }),
    end() {
      for (const connection of all) connection.end()
    },
  }
}

/** One connection: sends a request, reads its response, sends the next. */
class Connection {
  #socket
  #asked
  #received = ''
  #next
  #check
  #isOpen = true

  constructor(port, next, check) {
    this.#next = next
    this.#check = check
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', text => this.#read(text))
    this.#socket.on('close', () => {
      if (this.#isOpen) throw new Error(`the server closed a connection${this.#received && ` after ${this.#received}`}`)
    })
    this.#socket.on('error', error => {
      throw error
    })
  }

  ask() {
    this.#asked = this.#next()
    if (this.#asked !== undefined) this.#socket.write(this.#asked.bytes)
  }

  end() {
    this.#isOpen = false
    this.#socket.destroy()
  }

  #read(text) {
    this.#received = this.#received === '' ? text : this.#received + text
    if (bodyOf(this.#received) === undefined) return
    this.#check(this.#received, this.#asked)
    this.#received = ''
    this.ask()
  }
}

/** The body of a response that is whole; undefined of one that is not. */
export function bodyOf(response) {
  const end = response.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const length = /\r\ncontent-length: *(\d+)/i.exec(response)
  if (length === null) {
    if (!/\r\ntransfer-encoding: *chunked/i.test(response)) throw new Error(`no length: ${response}`)
    return response.endsWith('0\r\n\r\n') ? unchunked(response.slice(end + 4)) : undefined
  }
  const body = response.slice(end + 4)
  if (body.length > Number(length[1])) throw new Error(`too long: ${response}`)
  return body.length === Number(length[1]) ? body : undefined
}

function unchunked(text) {
  let body = ''
  for (let at = 0; ; ) {
    const line = text.indexOf('\r\n', at)
    const length = Number.parseInt(text.slice(at, line), 16)
    if (length === 0) return body
    body += text.slice(line + 2, line + 2 + length)
    at = line + 2 + length + 2
  }
}
