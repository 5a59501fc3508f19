/** Requests of one turn of the event loop are served together, and have nothing else in common. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { manualClock } from 'tenon'
import * as http from 'tenon/transport/http'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Arrivals } from '../../../src/transport/http/arrivals.js'
import { open, type Served, served, until } from './served.js'
import { newLog, shop } from './shop.js'

const get = (id: string | number, more = ''): string => `GET /orders/${id} HTTP/1.1\r\nhost: t\r\n${more}\r\n`

function arriving() {
  const urls: (string | undefined)[] = []
  const arrivals = new Arrivals(({ url }) => {
    urls.push(url)
    if (url === 'throws') throw new Error('of throws')
  })
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

describe('a request that waits', () => {
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
    const binding = http.server({ port: 0, lingerMs: 500 })
    const report = { ok: true, checks: {} }
    const probes = { live: () => report, ready: () => report }
    const listening = await binding.listen([shop()], { clock, probes, onDefect: thrown => expect.fail(String(thrown)) })
    onTestFinished(() => listening.close())
    const port = Number(new URL(String(listening.addresses[0])).port)
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
