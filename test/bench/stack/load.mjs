// The load of the whole-stack benchmark: orders of 10 000 customers over 64 connections, each answer compared with what it must be. Before
// that each server shows that it refuses what it has to.
import { bodyOf, pool } from '../http/pool.mjs'
import { refused, tokenOf } from './tokens.mjs'
import { customers, orderOf, place } from './work.mjs'

const [port, isBare, warmUp, measured] = process.argv.slice(2)

function written(token, body) {
  const authorization = token === undefined ? '' : `authorization: Bearer ${token}\r\n`
  const head = `POST /orders HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\naccept: application/json\r\n${authorization}`
  return `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

const sent = await Promise.all(
  Array.from({ length: customers }, async (_, n) => {
    const customer = `u-${n}`
    const input = orderOf(n)
    const text = JSON.stringify(await place(input, isBare === 'bare' ? 'somebody' : customer))
    // All that is the same for each call of this customer.
    const start = text.slice(0, text.indexOf(',"id":'))
    return { bytes: Buffer.from(written(tokenOf(customer), JSON.stringify(input))), start }
  }),
)

async function statusOf(token, body) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
  const response = await fetch(`http://127.0.0.1:${port}/orders`, { method: 'POST', headers, body })
  await response.text()
  return response.status
}

/** How many requests were refused behind the tokens: they are counted and logged. */
async function checkRefusals() {
  const good = JSON.stringify(orderOf(0))
  if (isBare !== 'bare') {
    for (const { what, token, status } of refused) {
      const came = await statusOf(token, good)
      if (came !== status) throw new Error(`to ${what} came ${came}`)
    }
  }
  const token = tokenOf('u-0')
  for (const body of ['{}', '{"lines":[]}', '{"lines":[{"sku":"mug","count":0}]}', '{"lines":']) {
    const came = await statusOf(token, body)
    if (came !== 400 && came !== 422) throw new Error(`to ${body} came ${came}`)
  }
}

let asked = 0
const load = pool({
  port: Number(port),
  connections: 64,
  next: () => sent[asked++ % customers],
  check(received, { bytes, start }) {
    if (!received.startsWith('HTTP/1.1 201') || !bodyOf(received)?.startsWith(start))
      throw new Error(`to ${bytes} came ${received}`)
  },
})

await checkRefusals()
await load.run(Number(warmUp))
process.once('message', async () => {
  await load.run(Number(measured))
  process.send({ answered: Number(measured) })
  load.end()
  process.disconnect()
})
process.send({ ready: true })
