/** Clients that take their time, by the hundred: each is cut off in its time, and nobody else notices. */
import * as http from 'tenon/transport/http'
import { describe, expect, test } from 'vitest'
import { deep } from '../../deep.js'
import { open, type RawConnection, type RawResponse, served, servers, until } from './served.js'
import { newLog, shop } from './shop.js'

// Long enough for those who are not slow, on a machine that is.
const many = { headersTimeoutMs: 1_500, requestTimeoutMs: 1_500, checkIntervalMs: 100 }
const quick = { headersTimeoutMs: 300, requestTimeoutMs: 500, checkIntervalMs: 100 }

/** Writes `text` a byte at a time, for as long as the connection is open. */
function drip(connection: RawConnection, text: string, everyMs: number): void {
  let at = 0
  const timer = setInterval(() => connection.write(text[at++ % text.length] ?? 'x'), everyMs)
  void connection.closed.then(() => clearInterval(timer))
}

const modes = {
  'drip their headers': connection => {
    connection.write('GET /orders/7 HTTP/1.1\r\nhost: t\r\nx-a: ')
    drip(connection, 'abcdef', 50)
  },
  'drip their body': connection => {
    connection.write(
      'POST /orders HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{"id":"',
    )
    drip(connection, 'abcdef', 50)
  },
  'are silent': () => {},
} satisfies Readonly<Record<string, (connection: RawConnection) => void>>

describe.each(Object.entries(servers))('slow sockets of %s', (_, served) => {
  test.for(Object.entries(modes))(
    `${deep(100, 500)} that %s are closed in time, while others are served`,
    { timeout: 60_000 },
    async ([, begin]) => {
      const log = newLog()
      const { port, address, defects } = await served([shop(log)], many)
      const began = performance.now()
      // At most as many as the system queues for a server at once; of more, some would wait where no server can see them.
      const slow = Array.from({ length: deep(100, 500) }, () => {
        const connection = open(port)
        begin(connection)
        return connection
      })
      let answered = 0
      while (slow.some(({ isClosed }) => !isClosed)) {
        const response = await fetch(`${address}/orders/${answered}`)
        expect(response.status).toBe(200)
        await response.text()
        answered++
        await new Promise(resolve => setTimeout(resolve, 10))
        if (performance.now() - began > 20_000) throw new Error('some are still open')
      }
      expect(answered).toBeGreaterThan(0)
      expect(log.calls.every(call => call.startsWith('get'))).toBe(true)
      expect(defects).toEqual([])
    },
  )

  test('the slow are told why', async () => {
    const { port } = await served([shop()], quick)
    for (const begin of [modes['drip their headers'], modes['drip their body']]) {
      const connection = open(port)
      begin(connection)
      const response = await connection.response()
      expect(response?.status).toBe(408)
      expect(JSON.parse(response?.body ?? '')).toMatchObject({ code: 'deadline_exceeded', reason: 'REQUEST_TIMEOUT' })
      await connection.closed
    }
  })

  test('a body that drips in behind a refusal ends in time, too', async () => {
    const { port } = await served([shop()], quick)
    const refused = [
      'POST /orders HTTP/1.1\r\nhost: t\r\ncontent-type: text/plain\r\ncontent-length: 100000\r\n\r\n',
      'POST /nothing HTTP/1.1\r\nhost: t\r\ncontent-length: 100000\r\n\r\n',
      'GET /orders/7 HTTP/1.1\r\nhost: t\r\ncontent-length: 100000\r\n\r\n',
      'POST /uploads HTTP/1.1\r\nhost: t\r\ncontent-length: 100000\r\n\r\n',
      'POST /orders HTTP/1.1\r\nhost: t\r\ntenon-timeout-ms: x\r\ntransfer-encoding: chunked\r\n\r\nfffff\r\n',
    ]
    const each = async (head: string): Promise<void> => {
      const connection = open(port).write(head)
      drip(connection, 'abcdef', 20)
      expect((await connection.response())?.status, head).toBeGreaterThanOrEqual(200)
      await until(head, () => connection.isClosed)
    }
    await Promise.all(refused.map(each))
  })

  test('who never reads its answers is cut off', async () => {
    const { port } = await served([shop()], { ...quick, keepAliveTimeoutMs: 60_000 })
    const connection = open(port)
    connection.socket.pause()
    connection.write('GET /orders/7/events?count=0 HTTP/1.1\r\nhost: t\r\n\r\n')
    const large = JSON.stringify({ id: 'x'.repeat(900_000) })
    const one = `POST /orders HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: ${large.length}\r\n\r\n${large}`
    for (let i = 0; i < 20; i++) connection.write(one)
    let isReset = false
    connection.socket.on('error', () => {
      isReset = true
    })
    await until('the reset', () => isReset || connection.isClosed)
  })

  test('a request stream may take longer than a request', async () => {
    const { port } = await served([shop()], quick)
    const connection = open(port).write(
      'POST /uploads HTTP/1.1\r\nhost: t\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n',
    )
    const line = (text: string): void => void connection.write(`${(text.length + 1).toString(16)}\r\n${text}\n\r\n`)
    for (let index = 0; index < 4; index++) {
      line(`{"value":{"index":${index}}}`)
      await new Promise(resolve => setTimeout(resolve, quick.requestTimeoutMs / 2))
    }
    line('{"end":{}}')
    connection.write('0\r\n\r\n')
    expect(await connection.response()).toMatchObject({ status: 200, body: '{"count":4}' })
  })

  test('a request stream that drips on behind its answer ends in time, too', async () => {
    const answering = shop(newLog(), {
      async upload(items) {
        for await (const _ of items) break
        return { count: 1 }
      },
    })
    const { port } = await served([answering], quick)
    const connection = open(port).write(
      'POST /uploads HTTP/1.1\r\nhost: t\r\ncontent-type: application/x-ndjson\r\ncontent-length: 100000\r\n\r\n',
    )
    connection.write('{"value":{"index":0}}\n')
    drip(connection, ' ', 20)
    expect(await connection.response()).toMatchObject({ status: 200, body: '{"count":1}' })
    await until('the end', () => connection.isClosed)
  })

  test('an idle connection is closed after its time, not while a call goes on', async () => {
    const slow = shop(newLog(), {
      get: async ({ id }) => {
        await new Promise(resolve => setTimeout(resolve, 500))
        return { id, items: [] }
      },
    })
    const { port } = await served([slow], { keepAliveTimeoutMs: 100 })
    const connection = open(port).write('GET /orders/7 HTTP/1.1\r\nhost: t\r\n\r\n')
    expect((await connection.response())?.status).toBe(200)
    await until('the end', () => connection.isClosed)
  })
})

describe('limits', () => {
  test('connections above the cap are closed as they come', async () => {
    const { port } = await served([shop()], { maxConnections: 3 })
    const first = Array.from({ length: 3 }, () => open(port))
    for (const connection of first) {
      expect((await connection.write('GET /orders/7 HTTP/1.1\r\nhost: t\r\n\r\n').response())?.status).toBe(200)
    }
    const fourth = open(port)
    await fourth.closed
    first[0]?.end()
    await until('a free place', () => first[0]?.isClosed === true)
    // The server hears of it a moment later than we do.
    let fifth: RawResponse | undefined
    while (fifth === undefined) fifth = await open(port).write('GET /orders/7 HTTP/1.1\r\nhost: t\r\n\r\n').response()
    expect(fifth.status).toBe(200)
  })

  test('as many headers as are allowed pass, one more does not', async () => {
    const { port } = await served([shop()], { maxHeaders: 10 })
    const lines = (count: number) => Array.from({ length: count }, (_, i) => `x-${i}: 1\r\n`).join('')
    const ask = (count: number) =>
      open(port)
        .write(`GET /orders/7 HTTP/1.1\r\nhost: t\r\n${lines(count)}\r\n`)
        .response()
    expect((await ask(9))?.status).toBe(200)
    expect((await ask(10))?.status).toBe(431)
  })

  test('a longer deadline than is allowed is cut', async () => {
    let remaining = 0
    const { address } = await served(
      [
        shop(newLog(), {
          get({ id }, { remainingMs }) {
            remaining = remainingMs
            return { id, items: [] }
          },
        }),
      ],
      { maxDeadlineMs: 1_000 },
    )
    await (await fetch(`${address}/orders/7`, { headers: { 'tenon-timeout-ms': '999999999' } })).text()
    expect(remaining).toBeLessThanOrEqual(1_000)
    await (await fetch(`${address}/orders/7`, { headers: { 'grpc-timeout': '200m' } })).text()
    expect(remaining).toBeLessThanOrEqual(200)
  })

  test.for([
    ...['maxBodyBytes', 'maxDeadlineMs', 'headersTimeoutMs', 'requestTimeoutMs', 'keepAliveTimeoutMs', 'maxHeaders'],
    ...['maxConnections', 'lingerMs', 'checkIntervalMs'],
  ])('%s must be a whole number', name => {
    for (const value of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => http.server({ port: 0, [name]: value })).toThrow(new RegExp(`^http: ${name} must be a whole number`))
  })

  test.for(['maxConnections', 'maxCalls', 'connectTimeoutMs', 'keepAliveTimeoutMs', 'maxResponseBytes'])(
    'of the client: %s must be a whole number',
    name => {
      for (const value of [0, -1, 1.5, Number.NaN])
        expect(() => http.client('http://127.0.0.1:1', { [name]: value })).toThrow(RangeError)
    },
  )

  test('the defaults are as documented', async () => {
    const { settingsOf } = await import('../../../src/transport/http/server-options.js')
    expect(settingsOf({ port: 0 })).toEqual({
      port: 0,
      host: '127.0.0.1',
      probes: true,
      maxBodyBytes: 1_048_576,
      maxDeadlineMs: 300_000,
      headersTimeoutMs: 10_000,
      requestTimeoutMs: 30_000,
      checkIntervalMs: 1_000,
      keepAliveTimeoutMs: 65_000,
      maxHeaders: 100,
      maxConnections: 10_000,
      lingerMs: 5_000,
    })
  })
})
