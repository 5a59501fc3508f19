/** An app as a binding of `serve`: its own routes are drained, limited and cut off as the services are. */
import { createServer } from 'node:net'
import anApp, { type Express } from 'express'
import { call, connect } from 'tenon'
import { serve } from 'tenon/lifecycle'
import { docs } from 'tenon/transport/http/docs'
import * as express from 'tenon/transport/http/express'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listening } from '../listening.js'
import { json, request } from '../mistakes.js'
import { ask, open, servedBy, until } from '../served.js'
import { newLog, Shop, shop } from '../shop.js'
import { notFound } from './app.js'

const get = (path: string) => request(`GET ${path}`)

/** An app with a route of its own that answers when it is let. */
function waitingApp() {
  let release = (): void => {}
  const released = new Promise<void>(resolve => {
    release = resolve
  })
  const seen: string[] = []
  const app = anApp().get('/own', async (message, response) => {
    seen.push('own')
    message.socket.on('close', () => seen.push('closed'))
    await released
    response.send('own')
  })
  return { app, seen, release: () => release() }
}

describe('server', () => {
  test('puts the services where it is told, with what comes after them', async () => {
    const app = anApp().get('/', (_, response) => void response.send('home'))
    const mount = (services: express.ExpressHandler) => void app.use('/api', services).use(notFound)
    const { port } = await servedBy(express.server({ app, port: 0, mount }), [shop()])
    expect((await ask(port, get('/')))?.body).toBe('home')
    expect((await ask(port, get('/api/orders/7')))?.body).toBe('{"id":"7","items":[]}')
    expect((await ask(port, get('/orders/7')))?.status).toBe(404)
    expect((await ask(port, get('/readyz')))?.body).toBe('{"ok":true,"checks":{}}')
  })

  test('leaves an app alone that has them already, and drains it all the same', async () => {
    let mounts = 0
    const app = anApp().use('/api', express.router([shop()]))
    const binding = express.server({ app, port: 0, mount: () => mounts++ })
    const running = await serve([], [binding], { signals: false })
    const [origin = ''] = running.addresses
    expect(await (await fetch(`${origin}/api/orders/7`)).json()).toEqual({ id: '7', items: [] })
    expect(mounts).toBe(0)
    await running.close()
    await expect(fetch(origin)).rejects.toThrow()
  })

  test('takes the place that there is when it listens again', async () => {
    const app = anApp()
    const binding = express.server({ app, port: 0 })
    const [first, second] = [newLog(), newLog()]
    const one = await servedBy(binding, [shop(first)])
    await ask(one.port, get('/orders/1'))
    await one.listening.close()
    const two = await servedBy(binding, [shop(second)])
    await ask(two.port, get('/orders/2'))
    expect([first.calls, second.calls]).toEqual([['get 1'], ['get 2']])
    expect(app.router.stack).toHaveLength(1)
  })

  test('says who has its port', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => holder.once('listening', resolve))
    onTestFinished(() => void holder.close())
    const address = holder.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const starting = serve([shop()], [express.server({ app: anApp(), port })], { signals: false })
    await expect(starting).rejects.toThrow(`express: 127.0.0.1:${port} is taken by another process`)
  })

  test('drains the routes of the app: they are counted, awaited, and told that they are the last', async () => {
    const { app, seen, release } = waitingApp()
    const { port, listening: server } = await servedBy(express.server({ app, port: 0, lingerMs: 0 }), [])
    const connection = open(port).write(get('/own'))
    await until('the request', () => seen.length === 1)
    expect(server.callsInFlight).toBe(1)
    let isDrained = false
    const drained = server.drain().then(() => {
      isDrained = true
    })
    await new Promise(resolve => setTimeout(resolve, 150))
    expect(isDrained).toBe(false)
    release()
    expect(await connection.response()).toMatchObject({ body: 'own', headers: { connection: 'close' } })
    await drained
    expect(server.callsInFlight).toBe(0)
  })

  test('cuts the routes of the app off when it closes', async () => {
    const { app, seen } = waitingApp()
    const { port, listening: server } = await servedBy(express.server({ app, port: 0 }), [])
    const connection = open(port).write(get('/own'))
    await until('the request', () => seen.length === 1)
    await server.close()
    await connection.closed
    await until('the end', () => seen.includes('closed'))
  })

  test('limits how long an upload to a route of the app may take', async () => {
    const app = anApp().post('/own', (message, response) => void message.resume().on('end', () => response.send('own')))
    const quick = { requestTimeoutMs: 200, checkIntervalMs: 50 }
    const { port } = await servedBy(express.server({ app, port: 0, ...quick }), [])
    const connection = open(port).write('POST /own HTTP/1.1\r\nhost: t\r\ncontent-length: 1000\r\n\r\nx')
    expect((await connection.response())?.status).toBe(408)
    expect((await ask(port, request('POST /own', {}, 'x')))?.body).toBe('own')
  })

  test('cuts off who never takes an answer of the app', async () => {
    const app = anApp().get('/own', (_, response) => void response.send('x'.repeat(32 << 20)))
    const quick = { requestTimeoutMs: 200, checkIntervalMs: 50 }
    const { port, listening: server } = await servedBy(express.server({ app, port: 0, ...quick }), [])
    const connection = open(port)
    connection.socket.pause()
    connection.write(get('/own'))
    await until('the request', () => server.callsInFlight === 1)
    await until('the end', () => server.callsInFlight === 0)
  })

  test('refuses too many headers before the app sees them', async () => {
    let seen = 0
    const app = anApp().use((_, response) => {
      seen++
      response.send('')
    })
    const { port } = await servedBy(express.server({ app, port: 0, maxHeaders: 5 }), [])
    const headers = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`x-${i}`, '1']))
    expect((await ask(port, request('GET /', headers)))?.status).toBe(431)
    expect(seen).toBe(0)
  })

  test('refuses what is no app, and options that make no sense', () => {
    for (const app of [undefined, {}, () => {}])
      expect(() => express.server({ app: app as unknown as Express, port: 0 })).toThrow(TypeError)
    const app = anApp()
    expect(() => express.server({ app, port: -1 })).toThrow(RangeError)
    expect(() => express.server({ app, port: 0, passOn: 'x' as never })).toThrow(TypeError)
    expect(() => express.server({ app, port: 0, maxBodyBytes: 0 })).toThrow(RangeError)
  })
})

describe('what is released', () => {
  const resources = () => process.getActiveResourcesInfo().filter(name => /TCP|Timeout|Immediate/.test(name)).length

  test('a caller that goes away cancels its calls, pipelined ones too, with one listener on its socket', async () => {
    const log = newLog()
    const warnings: Error[] = []
    const warn = (warning: Error) => void warnings.push(warning)
    process.on('warning', warn)
    onTestFinished(() => void process.off('warning', warn))
    const waiting = shop(log, {
      get: ({ id }, { signal }) =>
        new Promise((_, reject) => {
          log.calls.push(id)
          signal.addEventListener('abort', () => {
            log.aborted.push(id)
            reject(signal.reason)
          })
        }),
    })
    const { port } = await listening(anApp().use('/api', express.router([waiting])))
    const connection = open(port)
    for (let id = 0; id < 30; id++) connection.write(get(`/api/orders/${id}`))
    await until('the calls', () => log.calls.length === 30)
    connection.end()
    await until('the aborts', () => log.aborted.length === 30)
    expect(warnings).toEqual([])
  })

  test('many calls over one connection leave nothing on its socket', async () => {
    const counts: number[] = []
    const app = anApp().use((message, _, next) => {
      counts.push(message.socket.listenerCount('close') + message.socket.listenerCount('drain'))
      next()
    })
    app.use('/api', express.router([shop()]))
    const { port } = await listening(app)
    const connection = open(port)
    for (let i = 0; i < 20; i++) {
      connection.write(request('POST /api/orders', json, '{"id":"7"}'))
      expect((await connection.response())?.status).toBe(200)
      connection.write(get('/api/orders/7/events?count=2'))
      expect((await connection.response())?.status).toBe(200)
    }
    expect(counts.at(-1)).toBe(counts[2])
  })

  test('nothing stays open: servers, sockets, timers', async () => {
    const before = resources()
    for (let i = 0; i < 5; i++) {
      const binding = express.server({ app: anApp(), port: 0 })
      const { address, listening: server } = await servedBy(binding, [shop()])
      const client = express.client(address)
      const calls = Array.from({ length: 20 }, (_, id) => call(connect(Shop, client).get, { id: `${id}` }))
      for (const outcome of await Promise.all(calls)) expect(outcome._tag).toBe('Right')
      await client.close()
      await server.close()
    }
    await until('what is left', () => resources() <= before)
  })
})

describe('the docs of an app', () => {
  const documentOf = async (options: Partial<express.ExpressServerOptions>, services = [shop()], app = anApp()) => {
    const { port } = await servedBy(express.server({ app, port: 0, ...options }), services)
    const answer = await ask(port, get('/openapi.json'))
    const { servers = [] } = JSON.parse(answer?.body ?? '') as {
      readonly servers?: readonly { readonly url: string }[]
    }
    const [prefix = ''] = servers.map(({ url }) => url)
    return { prefix, status: (await ask(port, get(`${prefix}/orders/7`)))?.status }
  }

  test.for([
    ['at the root', {}, ''],
    ['below a path', { mount: '/api/v1' }, '/api/v1'],
  ] as const)('say where the services are: %s', async ([, options, prefix]) => {
    expect(await documentOf({ ...options, docs: docs({ page: false }) })).toEqual({ prefix, status: 200 })
  })

  test('are told where nobody knows', async () => {
    const told = docs({ page: false, servers: ['/api'] })
    const app = anApp()
    const mount = (services: express.ExpressHandler) => void app.use('/api', services)
    expect(await documentOf({ mount, docs: told }, [shop()], app)).toEqual({ prefix: '/api', status: 200 })
    const mounted = anApp().use('/api', express.router([shop()]))
    const named = docs({ page: false, servers: ['/api'], contracts: [Shop] })
    expect(await documentOf({ docs: named }, [], mounted)).toEqual({ prefix: '/api', status: 200 })
  })

  test('are refused where nobody knows and nobody says', async () => {
    const app = anApp()
    const mount = (services: express.ExpressHandler) => void app.use('/api', services)
    for (const [services, options, said] of [
      [[shop()], { mount, docs: docs({ page: false }) }, /nobody knows where the services are/],
      [[], { docs: docs({ page: false, contracts: [Shop] }) }, /nobody knows where the services are/],
      [[], { docs: docs({ page: false, servers: ['/api'] }) }, /no service to describe/],
      [[shop()], { mount: '/orders', docs: docs({ page: false, document: '/orders/orders' }) }, /already/],
    ] as const)
      await expect(servedBy(express.server({ app, port: 0, ...options }), services)).rejects.toThrow(said)
    for (const path of ['api', '/api/', '/{x}', '/a b'])
      expect(() => express.server({ app, port: 0, mount: path })).toThrow(TypeError)
  })
})
