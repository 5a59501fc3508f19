// The load of the server benchmark: 64 connections, each with one request at a time, over bare sockets, so that it takes less of
// its core than any server takes of its own. Every response is compared with what it must be.
//
// Reports to the harness over the channel it was started with: `ready` after the warm-up, and after `go` the requests that were
// answered.
import { connect } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { refused, requests } from './work.mjs'

const [port, route, dialect, warmUp, measured] = process.argv.slice(2)
const connections = 64

// How the routes are reached: as they are, or as tRPC has it.
const dialects = {
  plain: {
    get: id => `/users/${id}`,
    post: '/uppercase',
    read: body => body,
  },
  trpc: {
    get: id => `/user?input=${encodeURIComponent(JSON.stringify({ id }))}`,
    post: '/uppercase',
    read: body => body.result.data,
  },
}
const spoken = dialects[dialect]

const head = (method, path) => `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\naccept: application/json\r\n`
const written = {
  get: id => `${head('GET', spoken.get(id))}\r\n`,
  post: body =>
    `${head('POST', spoken.post)}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
}

const sent = requests[route].map(({ input, output }) => ({
  bytes: Buffer.from(written[route](route === 'get' ? input.id : JSON.stringify(input))),
  output,
  text: JSON.stringify(output),
}))

/** One connection: sends a request, reads its response, sends the next. */
class Connection {
  #socket
  #asked
  #received = ''
  #next
  #isOpen = true

  constructor(next) {
    this.#next = next
    this.#socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true })
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
    const body = bodyOf(this.#received)
    if (body === undefined) return
    if (!this.#received.startsWith('HTTP/1.1 200') || !isRight(body, this.#asked))
      throw new Error(`to ${this.#asked.bytes} came ${this.#received}`)
    this.#received = ''
    this.ask()
  }
}

// The body of a response that is whole; undefined of one that is not.
function bodyOf(response) {
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

function isRight(body, { text, output }) {
  return body === text || isDeepStrictEqual(spoken.read(JSON.parse(body)), output)
}

/** What must be refused, each on a connection of its own: that is how a validator which was left out shows. */
async function checkRefusals() {
  for (const input of refused[route]) {
    const answer = await new Promise((resolve, reject) => {
      const socket = connect({ port: Number(port), host: '127.0.0.1' })
      socket.setEncoding('latin1')
      let text = ''
      socket.on('data', piece => {
        text += piece
        socket.destroy()
      })
      socket.on('error', () => {}) // cutting off is a refusal too
      socket.on('close', () => resolve(text))
      setTimeout(reject, 10_000, new Error(`no answer to ${input.slice(0, 60)}`)).unref()
      socket.write(written[route](input))
    })
    if (answer !== '' && !/^HTTP\/1\.1 4\d\d/.test(answer))
      throw new Error(`to ${input.slice(0, 60)} of ${input.length} came ${answer.slice(0, 200)}`)
  }
}

let left = 0
let open = 0
let asked = 0
let done = () => {}

function next() {
  if (left === 0) {
    if (--open === 0) done()
    return undefined
  }
  left--
  return sent[asked++ & 1023]
}

const all = Array.from({ length: connections }, () => new Connection(next))

function run(count) {
  return new Promise(resolve => {
    left = count
    open = all.length
    done = resolve
    for (const connection of all) connection.ask()
  })
}

await checkRefusals()
await run(Number(warmUp))
process.once('message', async () => {
  await run(Number(measured))
  process.send({ answered: Number(measured), usage: process.cpuUsage() })
  for (const connection of all) connection.end()
  process.disconnect()
})
process.send({ ready: true })
