/** `mount`: listeners of node:http beside the calls, which can neither hide a method nor bring the server down. */
import { fromPromise } from 'tenon'
import * as http from 'tenon/transport/http'
import { describe, expect, test } from 'vitest'
import { open, served, until } from './served.js'
import { shop } from './shop.js'

const say =
  (text: string): http.Listener =>
  (message, target) => {
    target.end(`${text} ${message.method} ${message.url}`)
  }

describe('a listener', () => {
  test.each<[url: string, answer: string | undefined]>([
    ['/metrics', 'metrics GET /metrics'],
    ['/metrics?a=b', 'metrics GET /metrics?a=b'],
    ['/metrics/deep/er', 'metrics GET /metrics/deep/er'],
    ['/metrics/own/x', 'own GET /metrics/own/x'],
    ['/metricsx', undefined],
    ['/Metrics', undefined],
    ['/%6detrics', undefined],
    ['//metrics', undefined],
    ['/', undefined],
  ])('is asked for %s: %s', async (url, answer) => {
    const { port } = await served([shop()], { mount: { '/metrics': say('metrics'), '/metrics/own': say('own') } })
    const response = await open(port).write(`GET ${url} HTTP/1.1\r\nhost: t\r\n\r\n`).response()
    if (answer === undefined) expect(response?.status).toBeGreaterThanOrEqual(400)
    else expect(response).toMatchObject({ status: 200, body: answer })
  })

  test('leaves the calls and the probes as they are', async () => {
    const { address } = await served([shop()], { mount: { '/metrics': say('metrics') } })
    expect((await fetch(`${address}/orders/1`)).status).toBe(200)
    expect((await fetch(`${address}/livez`)).status).toBe(200)
  })

  test('may be a handler of an endpoint, of any method, with a body', async () => {
    const echo = http.handler(
      fromPromise(async (text: string) => text.toUpperCase()),
      { decode: request => request.text(), encode: body => ({ body }) },
    )
    const { address } = await served([shop()], { mount: { '/echo': echo } })
    const response = await fetch(`${address}/echo`, { method: 'PUT', body: 'hello' })
    expect(await response.text()).toBe('HELLO')
  })

  test.each<[what: string, listener: http.Listener]>([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ])('that %s is reported, and its caller answered 500', async (_, listener) => {
    const { address, defects } = await served([shop()], { mount: { '/broken': listener } })
    const response = await fetch(`${address}/broken`)
    expect([response.status, await response.text()]).toEqual([500, ''])
    expect(defects).toEqual([new Error('broken')])
    expect((await fetch(`${address}/orders/1`)).status).toBe(200)
  })

  test('that throws in the middle of its answer is reported, and its caller cut off', async () => {
    const { port, defects } = await served([shop()], {
      mount: {
        '/broken': (_, target) => {
          target.writeHead(200, { 'content-length': 100 })
          target.write('half')
          throw new Error('broken')
        },
      },
    })
    await open(port).write('GET /broken HTTP/1.1\r\nhost: t\r\n\r\n').closed
    expect(defects).toEqual([new Error('broken')])
  })

  test('is waited for when the server drains, and says that it was the last', async () => {
    const answers: (() => void)[] = []
    const { port, listening } = await served([shop()], {
      lingerMs: 50,
      mount: { '/slow': (_, target) => void answers.push(() => target.end('done')) },
    })
    const going = open(port).write('GET /slow HTTP/1.1\r\nhost: t\r\n\r\n')
    await until('the request', () => answers.length === 1)
    const drained = listening.drain()
    await open(port).closed
    for (const answer of answers) answer()
    expect(await going.response()).toMatchObject({ status: 200, body: 'done', headers: { connection: 'close' } })
    await drained
  })

  test('is kept from requests with too many headers', async () => {
    const { port } = await served([shop()], { maxHeaders: 3, mount: { '/metrics': say('metrics') } })
    const response = await open(port)
      .write('GET /metrics HTTP/1.1\r\nhost: t\r\na: 1\r\nb: 1\r\nc: 1\r\n\r\n')
      .response()
    expect(response?.status).toBe(431)
  })
})

test.each(['metrics', '/', '/metrics/', '', '/a//b', '/a?b', '/a b', '/%61'])("refuses the path '%s'", path => {
  expect(() => http.server({ port: 0, mount: { [path]: say('x') } })).toThrow(TypeError)
})

test('refuses what is no function, and a path that a method has', async () => {
  expect(() => http.server({ port: 0, mount: { '/x': 'page' as never } })).toThrow("'/x' must be given a function")
  await expect(served([shop()], { mount: { '/orders': say('x') } })).rejects.toThrow(
    /'\/orders' would answer for .* at \/orders/,
  )
  await served([shop()], { mount: { '/order': say('x') } })
})
