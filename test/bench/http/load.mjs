// The load of the server benchmark: 64 connections, each with one request at a time, over bare sockets, so that it takes less of
// its core than any server takes of its own. Every response is compared with what it must be.
//
// Reports to the harness over the channel it was started with: `ready` after the warm-up, and after `go` the requests that were
// answered.
import { connect } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { bodyOf, pool } from './pool.mjs'
import { refused, requests } from './work.mjs'

const [port, route, dialect, count] = process.argv.slice(2)

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

let asked = 0
const load = pool({
  port: Number(port),
  connections: 64,
  next: () => sent[asked++ & 1023],
  check(received, { bytes, ...asked }) {
    const body = bodyOf(received)
    if (!received.startsWith('HTTP/1.1 200') || !isRight(body, asked)) throw new Error(`to ${bytes} came ${received}`)
  },
})

await checkRefusals()
await load.run(Number(count))
process.once('message', async () => {
  await load.run(Number(count))
  process.send({ answered: Number(count) })
  load.end()
  process.disconnect()
})
process.send({ ready: true })
