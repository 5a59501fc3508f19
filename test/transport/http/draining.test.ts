/** How the server stops: what was accepted is answered, and nobody can keep it from ending. */
import { call, connect } from 'tenon'
import * as http from 'tenon/transport/http'
import { describe, expect, test } from 'vitest'
import { open, servers, until } from './served.js'
import { newLog, Shop, shop } from './shop.js'

const get = (id: string | number): string => `GET /orders/${id} HTTP/1.1\r\nhost: t\r\n\r\n`

/** A service whose `get` waits for `release`. */
function held() {
  const log = newLog()
  let release = (): void => {}
  const released = new Promise<void>(resolve => {
    release = resolve
  })
  const service = shop(log, {
    async get({ id }, { signal }) {
      log.calls.push(id)
      signal.addEventListener('abort', () => log.aborted.push(id))
      await released
      return { id, items: [] }
    },
  })
  return { log, service, release: () => release() }
}

describe.each(Object.entries(servers))('drain of %s', (_, served) => {
  test('answers what goes on, says that it was the last, and refuses new connections', async () => {
    const { log, service, release } = held()
    const { port, listening } = await served([service])
    const going = Array.from({ length: 20 }, (_, id) => open(port).write(get(id)))
    await until('the calls', () => log.calls.length === 20)
    const drained = listening.drain()
    await refused(port)
    release()
    for (const connection of going) {
      expect(await connection.response()).toMatchObject({ status: 200, headers: { connection: 'close' } })
      await connection.closed
    }
    await drained
    expect(log.aborted).toEqual([])
  })

  test('serves idle connections until they have been idle for lingerMs', async () => {
    const { port, listening } = await served([shop()], { lingerMs: 1_500 })
    const [first, second] = [open(port), open(port)]
    for (const each of [first, second])
      expect((await each.write(get(1)).response())?.headers['connection']).toBe('keep-alive')
    const drained = listening.drain()
    await refused(port)
    const late = await first.write(get(2)).response()
    expect(late).toMatchObject({ status: 200, headers: { connection: 'close' } })
    await first.closed
    await drained
    expect(second.isClosed || (await second.closed) === undefined).toBe(true)
  })

  test('accepts the connections that are waiting to be accepted', async () => {
    const { port, listening } = await served([shop()], { lingerMs: 1_000 })
    const waiting = Array.from({ length: 50 }, (_, id) => open(port).write(get(id)))
    await Promise.all(waiting.map(({ socket }) => new Promise(resolve => socket.once('connect', resolve))))
    const drained = listening.drain()
    const answers = await Promise.all(waiting.map(connection => connection.response()))
    expect(answers.map(answer => answer?.status)).toEqual(Array(50).fill(200))
    await drained
  })

  test('answers requests that were pipelined', async () => {
    const { log, service, release } = held()
    const { port, listening } = await served([service], { lingerMs: 1_000 })
    const connection = open(port).write(get(1) + get(2) + get(3))
    await until('the calls', () => log.calls.length === 3)
    const drained = listening.drain()
    release()
    expect((await connection.response())?.body).toContain('"1"')
    await drained
  })

  test('waits for a stream to end', async () => {
    let release = (): void => {}
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    const service = shop(newLog(), {
      watch: async function* () {
        yield { index: 0, text: '' }
        await released
        yield { index: 1, text: '' }
      },
    })
    const { port, listening } = await served([service], { lingerMs: 50 })
    const connection = open(port).write('GET /orders/7/events HTTP/1.1\r\nhost: t\r\n\r\n')
    const answer = connection.response()
    await until('the call', () => listening.callsInFlight === 1)
    let isDrained = false
    const drained = listening.drain().then(() => {
      isDrained = true
    })
    await new Promise(resolve => setTimeout(resolve, 200))
    expect(isDrained).toBe(false)
    release()
    expect((await answer)?.body).toContain('{"end":{}}')
    await drained
  })

  test('is not kept from ending by idle, silent and half-spoken connections', async () => {
    const { port, listening } = await served([shop()], { lingerMs: 200 })
    const hostile = Array.from({ length: 60 }, (_, i) => {
      const connection = open(port)
      if (i % 3 === 0) connection.write('GET /orders/7 HTTP/1.1\r\nhos')
      if (i % 3 === 1) connection.write(get(7))
      return connection
    })
    await hostile[58]?.write(get(1)).response()
    await listening.drain()
    await until('the end of all', () => hostile.every(({ isClosed }) => isClosed))
  })

  test('twice is once', async () => {
    const { listening } = await served([shop()], { lingerMs: 0 })
    expect(listening.drain()).toBe(listening.drain())
    await listening.drain()
  })
})

describe.each(Object.entries(servers))('close of %s', (_, served) => {
  test('ends calls that go on, and a hundred hostile connections do not prevent it', async () => {
    const { log, service } = held()
    const { port, listening, defects } = await served([service])
    const hostile = Array.from({ length: 100 }, (_, i) => {
      const connection = open(port)
      if (i % 4 === 0) connection.write('GET /orders/7 HTTP/1.1\r\nhos')
      if (i % 4 === 1)
        connection.write(
          'POST /orders HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
        )
      if (i % 4 === 2) connection.write(get(i))
      return connection
    })
    await until('the calls', () => log.calls.length === 25)
    await listening.close()
    await until('the end of all', () => hostile.every(({ isClosed }) => isClosed))
    await until('the aborts', () => log.aborted.length === 25)
    expect(defects).toEqual([])
  })

  test('cuts a drain short', async () => {
    const { log, service } = held()
    const { port, listening } = await served([service])
    const connection = open(port).write(get(1))
    await until('the call', () => log.calls.length === 1)
    const drained = listening.drain()
    await listening.close()
    await drained
    await connection.closed
    expect(log.aborted).toEqual(['1'])
  })

  test('leaves nothing open, nor does a client', async () => {
    const before = resources()
    for (let i = 0; i < 5; i++) {
      const { address, listening } = await served([shop()])
      for (const stack of ['undici', 'node'] as const) {
        const binding = http.client(address, { stack })
        const client = connect(Shop, binding)
        const calls = Array.from({ length: 20 }, (_, id) => call(client.get, { id: `${id}` }))
        for (const outcome of await Promise.all(calls)) expect(outcome._tag).toBe('Right')
        await binding.close()
      }
      await listening.close()
    }
    await until('what is left', () => resources() <= before)
  })

  test('can be done before anybody has come', async () => {
    const { listening, address } = await served([shop()])
    await listening.close()
    await listening.close()
    const binding = http.client(address)
    const outcome = await call(connect(Shop, binding).get, { id: '1' })
    expect(outcome).toMatchObject({ left: { reason: 'CONNECTION_REFUSED', ran: 'no' } })
    await binding.close()
  })
})

/** Until nobody listens there any more. */
async function refused(port: number): Promise<void> {
  for (let isAccepted = true; isAccepted; ) {
    const { socket } = open(port)
    isAccepted = await new Promise(resolve =>
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
    )
    socket.destroy()
  }
}

/** How many servers, sockets and timers keep the process alive. */
function resources(): number {
  return process.getActiveResourcesInfo().filter(name => /TCP|Timeout|Immediate/.test(name)).length
}

describe.each(Object.entries(servers))('probes of %s', (_, served) => {
  test('answer on their own paths, and not where they are off', async () => {
    const on = await served([shop()])
    for (const path of ['/livez', '/readyz']) {
      const response = await open(on.port).write(`GET ${path} HTTP/1.1\r\nhost: t\r\n\r\n`).response()
      expect(response).toMatchObject({ status: 200, body: '{"ok":true,"checks":{}}' })
    }
    const off = await served([shop()], { probes: false })
    expect((await open(off.port).write('GET /livez HTTP/1.1\r\nhost: t\r\n\r\n').response())?.status).toBe(404)
  })
})
