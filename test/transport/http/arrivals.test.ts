/** Requests of one turn of the event loop are served together, and have nothing else in common. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import { connect as connectPlainly, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect as connectSecurely } from 'node:tls'
import { type Clock, manualClock, systemClock } from 'tenon'
import type { AnyService } from 'tenon/contract'
import * as http from 'tenon/transport/http'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Arrivals, type Serve } from '../../../src/transport/http/arrivals.js'
import { certificate } from './certificates.js'
import { open, type Served, served, until } from './served.js'
import { newLog, shop } from './shop.js'

const own = certificate({ name: 'localhost', dns: ['localhost'], isAuthority: true })

const get = (id: string | number, more = ''): string => `GET /orders/${id} HTTP/1.1\r\nhost: t\r\n${more}\r\n`

/** Serving a request takes `tookMs`, of no real time. */
function arriving(tookMs = 0) {
  const urls: (string | undefined)[] = []
  let now = 0
  const serve: Serve = ({ url }) => {
    urls.push(url)
    now += tookMs
    if (url === 'throws') throw new Error('of throws')
  }
  const arrivals = new Arrivals(serve, { now: () => now })
  const arrive = (url: string): void => {
    const message = Object.assign(new IncomingMessage(new Socket()), { url })
    arrivals.add(message, new ServerResponse(message))
  }
  return { arrivals, urls, arrive }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('requests', () => {
  test('wait for the end of their turn, and go in their order', async () => {
    const { arrivals, urls, arrive } = arriving()
    for (const url of ['a', 'b', 'c']) arrive(url)
    await null
    expect([urls, arrivals.size]).toEqual([[], 3])
    await turn()
    expect([urls, arrivals.size]).toEqual([['a', 'b', 'c'], 0])
    arrive('d')
    await turn()
    expect(urls).toEqual(['a', 'b', 'c', 'd'])
  })

  test('are served at once when 64 wait', async () => {
    const { arrivals, urls, arrive } = arriving()
    for (let i = 0; i < 63; i++) arrive(String(i))
    expect(urls).toEqual([])
    arrive('63')
    expect(urls).toHaveLength(64)
    arrive('64')
    expect([urls.length, arrivals.size]).toEqual([64, 1])
    await turn()
    expect(urls).toEqual(Array.from({ length: 65 }, (_, i) => String(i)))
  })

  test('are begun for 2 ms, and then in the next turn: what answers the first may run', async () => {
    const { arrivals, urls, arrive } = arriving(0.5)
    for (let i = 0; i < 9; i++) arrive(String(i))
    for (const served of [4, 8, 9]) {
      await turn()
      expect([urls.length, arrivals.size]).toEqual([served, 9 - served])
    }
    expect(urls).toEqual(Array.from({ length: 9 }, (_, i) => String(i)))
  })

  test('never wait in greater numbers, however long each takes, and one is begun in each turn', async () => {
    const { arrivals, urls, arrive } = arriving(5)
    for (let i = 0; i < 100; i++) {
      arrive(String(i))
      expect(arrivals.size).toBeLessThan(64)
    }
    expect(urls).toHaveLength(37)
    await turn()
    expect(urls).toHaveLength(38)
    arrivals.serve()
    expect([urls.length, arrivals.size]).toEqual([100, 0])
    await turn() // for which nothing is left
    expect(urls).toEqual(Array.from({ length: 100 }, (_, i) => String(i)))
  })

  test('do not suffer from one whose listener throws, of which the process hears', async () => {
    const later = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation(() => {})
    onTestFinished(() => later.mockRestore())
    const { urls, arrive } = arriving()
    for (const url of ['a', 'throws', 'b']) arrive(url)
    await turn()
    expect(urls).toEqual(['a', 'throws', 'b'])
    expect(later).toHaveBeenCalledOnce()
    expect(later.mock.calls[0]?.[0]).toThrow('of throws')
  })
})

/** What each call finds in an `AsyncLocalStorage`, which it then fills with its own. */
async function storing(): Promise<
  Served & { readonly found: [string, unknown][]; readonly store: AsyncLocalStorage<string> }
> {
  const store = new AsyncLocalStorage<string>()
  const found: [string, unknown][] = []
  const service = shop(newLog(), {
    async get({ id }) {
      found.push([id, store.getStore()])
      store.enterWith(`entered by ${id}`)
      await null
      expect(store.getStore()).toBe(`entered by ${id}`)
      return { id, items: [] }
    },
  })
  return { ...(await served([service])), found, store }
}

describe('what is asynchronous context', () => {
  const ids = Array.from({ length: 20 }, (_, i) => String(i))

  test('of one handler is no other handler’s', async () => {
    const { port, found } = await storing()
    const connection = open(port).write(ids.map(id => get(id)).join(''))
    for (const id of ids) expect((await connection.response())?.body).toBe(JSON.stringify({ id, items: [] }))
    expect(found).toEqual(ids.map(id => [id, undefined]))
  })

  test('in node:http is the handler’s: tracing by others sees to it there', async () => {
    const { port, found, store } = await storing()
    const began = (message: unknown): void => {
      const { request } = message as { readonly request: IncomingMessage } // node's own
      if (request.socket.localPort === port) store.enterWith(`traced ${request.url}`)
    }
    subscribe('http.server.request.start', began)
    onTestFinished(() => void unsubscribe('http.server.request.start', began))
    const connection = open(port).write(ids.map(id => get(id)).join(''))
    for (const _ of ids) await connection.response()
    expect(found).toEqual(ids.map(id => [id, `traced /orders/${id}`]))
  })
})

/** A server by another clock than the system's. */
async function by(clock: Clock, services: readonly AnyService[], options: Partial<http.HttpServerOptions> = {}) {
  const report = { ok: true, checks: {} }
  const probes = { live: () => report, ready: () => report }
  const onDefect = (thrown: unknown): void => expect.fail(String(thrown))
  const listening = await http.server({ port: 0, ...options }).listen(services, { clock, probes, onDefect })
  onTestFinished(() => listening.close())
  return { port: Number(new URL(String(listening.addresses[0])).port), listening }
}

describe('a request that waits', () => {
  const answersLater = shop(newLog(), {
    async get({ id }) {
      for (let i = 0; i < 20; i++) await null
      return { id, items: [] }
    },
  })

  test.for(['http', 'https'] as const)(
    'is answered though its caller has ended its half of an %s connection',
    async scheme => {
      const identity = scheme === 'https' ? { tls: own } : {}
      const { port } = await served([answersLater], identity)
      for (let i = 0; i < 20; i++) {
        const socket =
          scheme === 'https'
            ? connectSecurely({ port, host: '127.0.0.1', ca: own.cert, servername: 'localhost' })
            : connectPlainly({ port, host: '127.0.0.1' })
        onTestFinished(() => void socket.destroy())
        await once(socket, scheme === 'https' ? 'secureConnect' : 'connect')
        socket.end(get(i))
        expect(await text(socket)).toMatch(/^HTTP\/1.1 200 OK\r\n[\s\S]*{"id":"\d+","items":\[\]}$/)
      }
    },
  )

  test('is answered though its caller has ended its half before there was time for it', async () => {
    let now = 0
    const clock = { ...systemClock, now: () => (now += 3) } // one request in each turn
    const { port } = await by(clock, [answersLater])
    const socket = connectPlainly({ port, host: '127.0.0.1' })
    onTestFinished(() => void socket.destroy())
    socket.allowHalfOpen = true
    socket.end(Array.from({ length: 20 }, (_, i) => get(i)).join(''))
    expect((await text(socket)).match(/HTTP\/1.1 200 OK/g)).toHaveLength(20)
  })

  test('is none for a test’s fake timers', async () => {
    const { port } = await served([answersLater])
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    expect(await open(port).write(get(1)).response()).toMatchObject({ status: 200 })
  })

  test('is in flight while those before it are begun', async () => {
    const inFlight: (number | undefined)[] = []
    const { port, listening } = await served([
      shop(newLog(), {
        async get({ id }) {
          inFlight.push(listening.callsInFlight)
          return { id, items: [] }
        },
      }),
    ])
    const connection = open(port).write(`${get(1)}${get(2)}${get(3)}`)
    for (let i = 0; i < 3; i++) expect((await connection.response())?.status).toBe(200)
    expect(inFlight).toEqual([2, 2, 2]) // the one that is being begun is not yet counted
  })

  test('is served before what broke its connection behind it', async () => {
    const log = newLog()
    const { port, defects } = await served([
      shop(log, {
        async get({ id }, { signal }) {
          signal.addEventListener('abort', () => log.aborted.push(id))
          await new Promise(resolve => signal.addEventListener('abort', resolve))
          return { id, items: [] }
        },
      }),
    ])
    const connection = open(port).write(`${get('good')}no request at all\r\n\r\n`)
    expect(await connection.response()).toBeUndefined() // a refusal would be taken for the answer to the good one
    await until('the end of the call', () => log.aborted.length === 1)
    expect(defects).toEqual([])
  })

  test('is not begun where its connection has been cut off', async () => {
    const log = newLog()
    const { port, listening } = await served([
      shop(log, {
        get({ id }) {
          log.calls.push(id)
          if (id === 'first') closed = listening.close()
          return { id, items: [] }
        },
      }),
    ])
    let closed: Promise<void> | undefined
    const connection = open(port).write(`${get('first')}${get('second')}`)
    expect(await connection.response()).toBeUndefined()
    await closed
    expect(log.calls).toEqual(['first'])
  })

  test('keeps its connection from being idle, and is in flight', async () => {
    // A manual clock lets the turn end before it tells of the time.
    const timers: (() => void)[] = []
    const clock = { ...manualClock(), now: () => now, setTimer }
    let now = 0
    function setTimer(callback: () => void) {
      timers.push(callback)
      return { cancel: () => {}, keepAlive: () => {} }
    }
    const pass = (): void => {
      now += 1_000
      for (const each of timers.splice(0)) each()
    }
    const { port, listening } = await by(clock, [shop()], { lingerMs: 500 })
    const [first, second] = [open(port), open(port)]
    for (const each of [first, second]) await each.write(get(1)).response()
    const inFlight: number[] = []
    const began = (message: unknown): void => {
      const { request } = message as { readonly request: IncomingMessage } // node's own
      if (request.socket.localPort !== port || request.url !== '/orders/2') return
      // After it has begun to wait, and before its turn ends.
      queueMicrotask(() => {
        inFlight.push(listening.callsInFlight ?? 0)
        pass()
      })
    }
    subscribe('http.server.request.start', began)
    onTestFinished(() => void unsubscribe('http.server.request.start', began))
    const drained = listening.drain()
    for (let i = 0; i < 5; i++) await turn() // until none waits to be accepted
    second.write(get(2))
    expect(await second.response()).toMatchObject({ status: 200, headers: { connection: 'close' } })
    expect(inFlight).toEqual([1])
    pass()
    await drained
  })
})
