/** What comes from strangers, byte by byte over a real socket: each mistake has its own status, code and reason, and runs nothing. */
import { describe, expect, test } from 'vitest'
import { expectAnswer, type Headers, json, mistakesBelow, request, withoutEmpty } from './mistakes.js'
import { ask, open, type RawResponse, served } from './served.js'
import { newLog, shop } from './shop.js'

const post = (body: string | Uint8Array, headers: Headers = json): Uint8Array => request('POST /orders', headers, body)
const get = (target: string): Uint8Array => request(`GET ${target}`)

describe('bad input', () => {
  test.for(Object.entries(mistakesBelow('')))('%s', async ([, mistake]) => {
    const log = newLog()
    const { port, defects } = await served([shop(log)])
    expectAnswer(await ask(port, withoutEmpty(mistake.sent)), mistake)
    expect(defects).toEqual([])
    if (mistake.expected[0] !== 200) expect(log.calls).toEqual([])
  })

  test('field violations have their paths, all of them', async () => {
    const { port } = await served([shop()])
    const response = await ask(port, post('{"id":7,"items":[{"sku":1,"count":1},{"sku":"b","count":0}]}'))
    const { details }: { details?: { issues: { path: string }[] } } = JSON.parse(response?.body ?? '{}')
    expect(details?.issues.map(({ path }) => path)).toEqual(['id', 'items[0].sku', 'items[1].count'])
  })

  test('the prototype of objects is as it was after all of it', () => {
    expect(Reflect.ownKeys(Object.prototype).filter(key => !standardKeys.has(key))).toEqual([])
  })

  test('a refused body leaves the connection to the next request', async () => {
    const { port } = await served([shop()])
    const connection = open(port)
    connection.write(post('{"id":"7"}', { 'content-type': 'text/plain' })).write(get('/orders/8'))
    expect((await connection.response())?.status).toBe(415)
    expect((await connection.response())?.body).toBe('{"id":"8","items":[]}')
  })

  test('a refusal arrives whole although much more is being sent', async () => {
    const { port } = await served([shop()])
    const connection = open(port)
    connection.write(request('POST /orders', { ...json, 'content-length': String(64 << 20) }))
    const piece = Buffer.alloc(64 << 10, 0x20)
    const flood = setInterval(() => connection.write(piece), 1)
    const response = await connection.response()
    expect(response?.status).toBe(413)
    expect(response?.headers['connection']).toBe('close')
    await connection.closed
    clearInterval(flood)
  })

  test.for([
    ['http://shop.test/orders/8', 200],
    ['HTTP://shop.test:80/orders/8?', 200],
    ['http://shop.test/orders/../orders/8', 400],
    ['http://shop.test/livez', 200],
    ['http://shop.test', 404],
    ['http://shop.test?a=/orders/8', 404],
    ['ftp://shop.test/orders/8', 400],
    ['http:///orders/8', 400],
    ['http:\\\\shop.test/orders/8', 400],
    ['//shop.test/orders/8', 404],
    ['*', 400],
  ] as const)('the target %s of a client that takes a server for a proxy is its path', async ([target, status]) => {
    const { port } = await served([shop()])
    expect((await ask(port, get(target)))?.status).toBe(status)
  })

  test('who asks before sending too much is told before', async () => {
    const { port } = await served([shop()])
    const large = { ...json, expect: '100-continue', 'content-length': String(2 << 20) }
    expect((await ask(port, request('POST /orders', large)))?.status).toBe(413)
    const small = { ...json, expect: '100-continue' }
    expect((await ask(port, post('{"id":"7"}', small)))?.status).toBe(200)
  })
})

const standardKeys = new Set<string | symbol>([
  ...['constructor', '__defineGetter__', '__defineSetter__', 'hasOwnProperty', '__lookupGetter__', '__lookupSetter__'],
  ...['isPrototypeOf', 'propertyIsEnumerable', 'toString', 'valueOf', '__proto__', 'toLocaleString'],
])

describe('HEAD and OPTIONS', () => {
  test('HEAD has what GET has, without a body', async () => {
    const { port } = await served([shop()])
    const connection = open(port)
    connection.write(get('/orders/7'))
    const whole = await connection.response()
    connection.write(request('HEAD /orders/7'))
    const head = await connection.response(false)
    const timeless = ({ headers: { date, ...headers } = {} }: Partial<RawResponse> = {}) => headers
    expect(timeless(head)).toEqual(timeless(whole))
    expect(head).toMatchObject({ status: 200, body: '' })
    connection.write(get('/orders/8')) // nothing of a body is in the way
    expect((await connection.response())?.body).toBe('{"id":"8","items":[]}')
  })

  test('HEAD of a failure has its status and no body', async () => {
    const { port } = await served([shop()])
    const connection = open(port)
    connection.write(request('HEAD /nothing')).write(get('/orders/8'))
    expect(await connection.response(false)).toMatchObject({ status: 404, headers: { 'tenon-ran': 'no' } })
    expect((await connection.response())?.status).toBe(200)
  })

  test.for([
    ['/orders/7', 'DELETE, GET, HEAD, OPTIONS'],
    ['/orders', 'GET, HEAD, OPTIONS, POST'],
  ] as const)('OPTIONS of %s says what there is', async ([path, allow]) => {
    const { port } = await served([shop()])
    expect(await ask(port, request(`OPTIONS ${path}`), true)).toMatchObject({
      status: 204,
      headers: { allow },
      body: '',
    })
  })

  test('OPTIONS of nothing is 404', async () => {
    const { port } = await served([shop()])
    expect((await ask(port, request('OPTIONS /nothing')))?.status).toBe(404)
  })
})
