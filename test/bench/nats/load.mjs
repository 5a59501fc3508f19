// The load of the server benchmark: so many requests in flight over one connection, with an inbox of its own. Every answer is compared
// with what it must be.
import { isDeepStrictEqual } from 'node:util'
import { requests } from '../http/work.mjs'
import { connectionOf, metadata, subject } from './connection.mjs'

const [, , port, width, dialect] = process.argv

// How a request is written for who is called, and how its answer is read.
const dialects = {
  plain: { subject, write: input => JSON.stringify(input), read: text => JSON.parse(text) },
  nestjs: {
    subject: 'uppercase',
    write: (input, id) => JSON.stringify({ pattern: 'uppercase', data: input, id: String(id) }),
    read: text => JSON.parse(text).response,
  },
}
const spoken = dialects[dialect]
const { connection, headers } = await connectionOf('nats', port)
const sent = headers()
for (const [name, value] of Object.entries(metadata)) sent.set(name, value)

const inbox = '_INBOX.load'
let [left, open, asked, done] = [0, 0, 0, () => {}]
const going = new Map()
connection.subscribe(`${inbox}.*`, {
  callback(_, message) {
    const { subject } = message
    const { output } = going.get(subject)
    going.delete(subject)
    const text = message.string()
    if (!isDeepStrictEqual(spoken.read(text), output)) throw new Error(`not ${JSON.stringify(output)} but ${text}`)
    if (left > 0) ask()
    else if (--open === 0) done()
  },
})

function ask() {
  left--
  const request = requests.post[asked++ & 1023]
  const reply = `${inbox}.${asked}`
  going.set(reply, request)
  connection.publish(spoken.subject, spoken.write(request.input, asked), { reply, headers: sent })
}

process.on('message', async ({ count }) => {
  await new Promise(resolve => {
    done = resolve
    left = count
    open = Number(width)
    for (let i = 0; i < Number(width); i++) ask()
  })
  process.send({ usage: { user: 0, system: 0 } }) // it is not what is measured
})
process.send({ ready: true })
