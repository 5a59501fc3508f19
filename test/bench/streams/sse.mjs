// Reads a stream of Tenon's as server-sent events, by hand: no library of Tenon's reads them, browsers do.
import { get } from 'node:http'
import { calling } from '../transports/talking.mjs'
import { headers, schemas } from '../transports/work.mjs'
import { read } from './reading.mjs'

const at = process.argv.at(-1)

calling(async told => {
  const { count, size } = told
  const response = await new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: at, path: `/items/${count}/${size}` }
    get({ ...options, headers: { ...headers, accept: 'text/event-stream' } }, resolve).on('error', reject)
  })
  await read(itemsOf(response.setEncoding('utf8')), told, item => schemas.item.parse(item))
})

async function* itemsOf(response) {
  let rest = ''
  for await (const text of response) {
    const events = (rest + text).split('\n\n')
    rest = events.pop()
    for (const event of events) {
      if (event.startsWith('data: ')) yield JSON.parse(event.slice(6))
      else if (!event.startsWith('event: end')) throw new Error(event)
    }
  }
}
