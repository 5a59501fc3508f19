/** The client against servers that are gone, slow, broken or not Tenon's: a typed failure each time, and nothing left behind. */
import { call, connect } from 'tenon'
import type { ClientBinding } from 'tenon/contract'
import type { Failure } from 'tenon/core'
import * as http from 'tenon/transport/http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { deep } from '../../deep.js'
import { collect } from '../../heap.js'
import { hostile, response } from './hostile-server.js'
import { nowhere } from './listening.js'
import { served, until } from './served.js'
import { newLog, Shop, shop } from './shop.js'

const json = { 'content-type': 'application/json' }
const order = { id: '7', items: [] }
const good = response('200 OK', json, JSON.stringify(order))

interface Answer {
  readonly bytes: string
  /** Whether the server closes behind it. */
  readonly closes?: boolean
  readonly resets?: boolean
  readonly expected: Partial<Failure> & { readonly reason: string }
}

const html = (status: string): Answer['bytes'] => response(status, { 'content-type': 'text/html' }, '<h1>proxy</h1>')
const unexpected = { reason: 'UNEXPECTED_RESPONSE', ran: 'maybe' } as const
const lost = { code: 'unavailable', reason: 'CONNECTION_LOST', ran: 'maybe' } as const

const answers: Readonly<Record<string, Answer>> = {
  'HTML 502': {
    bytes: html('502 Bad Gateway'),
    expected: { ...unexpected, code: 'unavailable', details: { status: 502 } },
  },
  'HTML 404': { bytes: html('404 Not Found'), expected: { ...unexpected, code: 'unimplemented' } },
  'HTML 401': { bytes: html('401 Unauthorized'), expected: { ...unexpected, code: 'unauthenticated' } },
  'HTML 200': { bytes: html('200 OK'), expected: { ...unexpected, code: 'internal' } },
  'an empty 200': { bytes: response('200 OK', json), expected: { ...unexpected, code: 'internal' } },
  'an empty 204': { bytes: 'HTTP/1.1 204 No Content\r\n\r\n', expected: { ...unexpected, code: 'internal' } },
  'truncated JSON': { bytes: response('200 OK', json, '{"id":"7"'), expected: { ...unexpected, code: 'internal' } },
  'JSON with a forbidden key': { bytes: response('200 OK', json, '{"id":"7","__proto__":{}}'), expected: unexpected },
  'JSON of another shape': {
    bytes: response('200 OK', json, '{"id":7}'),
    expected: { code: 'internal', reason: 'INVALID_RESPONSE' },
  },
  'JSON as text/plain': {
    bytes: response('200 OK', { 'content-type': 'text/plain' }, '{"id":"7"}'),
    expected: unexpected,
  },
  'a redirect': {
    bytes: response('302 Found', { location: '/orders/8' }),
    expected: { ...unexpected, details: { status: 302 } },
  },
  'problem details that are not ours': {
    bytes: response('400 Bad Request', { 'content-type': 'application/problem+json' }, '{"title":"no"}'),
    expected: { ...unexpected, code: 'invalid_argument' },
  },
  'problem details with an unknown code': {
    bytes: response('400 Bad Request', { 'content-type': 'application/problem+json' }, '{"code":"odd","reason":"X"}'),
    expected: unexpected,
  },
  '503 with Retry-After': {
    bytes: response('503 Busy', { 'retry-after': '2' }),
    expected: { ...unexpected, code: 'unavailable', retryAfterMs: 2000 },
  },
  'fewer bytes than announced': {
    bytes: `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"id":`,
    closes: true,
    expected: lost,
  },
  'chunks without an end': {
    bytes: 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{"i\r\n',
    closes: true,
    expected: lost,
  },
  'a reset in the middle': {
    bytes: `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"id":`,
    resets: true,
    expected: lost,
  },
  'a reset instead of an answer': { bytes: '', resets: true, expected: lost },
  'an end instead of an answer': { bytes: '', closes: true, expected: lost },
  'no HTTP': { bytes: 'SSH-2.0-OpenSSH_9.6\r\n', closes: true, expected: lost },
  'half a head': { bytes: 'HTTP/1.1 200 OK\r\ncontent-ty', closes: true, expected: lost },
  'a head without end': { bytes: `HTTP/1.1 200 OK\r\n${'x-a: b\r\n'.repeat(20_000)}`, closes: true, expected: lost },
  'a response over the limit': {
    bytes: response('200 OK', json, `{"id":"${'x'.repeat(200_000)}"}`),
    expected: { code: 'resource_exhausted', reason: 'RESPONSE_TOO_LARGE' },
  },
  'an endless response': {
    bytes: `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n${'x'.repeat(300_000)}`,
    expected: { code: 'resource_exhausted', reason: 'RESPONSE_TOO_LARGE' },
  },
}

describe.for(['undici', 'node'] as const)('the client with %s', stack => {
  const clientOf = (address: string, options: http.HttpClientOptions = {}) => {
    const binding: ClientBinding = http.client(address, { stack, ...options })
    onTestFinished(() => binding.close())
    return { ...connect(Shop, binding), binding }
  }

  test.for(Object.entries(answers))('gives a typed failure for %s', async ([, { bytes, closes, resets, expected }]) => {
    const { address } = await hostile((socket, index) => {
      if (index > 0) {
        socket.write(good)
        return
      }
      socket.write(bytes, () => {
        if (closes === true) socket.end()
        if (resets === true) socket.resetAndDestroy()
      })
    })
    const { get } = clientOf(address, { maxResponseBytes: 100_000 })
    const outcome = await call(get, { id: '7' }, { deadlineMs: 5_000 })
    expect(outcome).toMatchObject({ _tag: 'Left', left: { _tag: 'Failure', ...expected } })
    // And the next call is none the worse for it.
    expect(await call(get, { id: '7' }, { deadlineMs: 5_000 })).toMatchObject({ right: order })
  })

  test('does not take what came on an idle connection for an answer', async () => {
    const poison = response('200 OK', json, '{"id":"poison"}')
    const closed: Promise<unknown>[] = []
    const { address } = await hostile((socket, index) => {
      socket.write(index === 0 ? good + poison : good)
      if (index > 1) return
      closed.push(new Promise(resolve => socket.once('close', resolve)))
      if (index === 1) setTimeout(() => socket.write(poison), 10)
    })
    const { get } = clientOf(address)
    for (let i = 0; i < 5; i++) {
      const outcome = await call(get, { id: '7' })
      if (outcome._tag === 'Right') expect(outcome.right).toEqual(order)
      await Promise.all(closed) // before the next request: after it nobody could tell poison from an answer
    }
  })

  test('leaves out headers that cannot be metadata', async () => {
    const many = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`x-${i}`, 'v']))
    const odd = { 'x!odd~name': '1', 'x-latin': '\xe9', __proto__x: '1', constructor: 'x', 'x-kept': 'yes', ...many }
    const lines = `${response('200 OK', { ...json, ...odd }, JSON.stringify(order))}`
    const { address } = await hostile(socket => socket.write(lines.replace('__proto__x', '__proto__'), 'latin1'))
    const { get } = clientOf(address)
    let kept: string | undefined
    const outcome = await call(
      get,
      { id: '7' },
      {
        onReply: ({ headers }) => {
          kept = headers.get('x-kept')
        },
      },
    )
    expect(outcome).toMatchObject({ right: order })
    expect(kept).toBe('yes')
    expect(Object.prototype).not.toHaveProperty('x')
  })

  test('joins several values of one header', async () => {
    const bytes = response('200 OK', { ...json, 'x-a': '1\r\nx-a: 2' }, JSON.stringify(order))
    const { address } = await hostile(socket => socket.write(bytes))
    let header: string | undefined
    await call(
      clientOf(address).get,
      { id: '7' },
      {
        onReply: ({ headers }) => {
          header = headers.get('x-a')
        },
      },
    )
    expect(header).toBe('1, 2')
  })

  test('ends at the deadline when nobody answers, and lets go of the connection', async () => {
    const { address, sockets, requests } = await hostile(() => {})
    const { get } = clientOf(address)
    const began = performance.now()
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => call(get, { id: '7' }, { deadlineMs: 1_500 })))
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ left: { code: 'deadline_exceeded', reason: 'DEADLINE_EXCEEDED' } })
    expect(performance.now() - began).toBeLessThan(15_000)
    const [, leftMs] = /^tenon-timeout-ms: (\d+)$/im.exec(requests[0] ?? '') ?? []
    expect(Number(leftMs)).toBeGreaterThan(0)
    expect(Number(leftMs)).toBeLessThanOrEqual(1_500)
    await until('the end of the connections', () => sockets.size === 0)
  })

  test('ends when the caller cancels', async () => {
    const { address, sockets, requests } = await hostile(() => {})
    const controller = new AbortController()
    const outcome = call(clientOf(address).get, { id: '7' }, { signal: controller.signal })
    await until('the request', () => requests.length === 1)
    controller.abort()
    expect(await outcome).toMatchObject({ left: { code: 'cancelled' } })
    await until('the end of the connection', () => sockets.size === 0)
  })

  test('fails with CONNECTION_REFUSED, ran no, where nobody listens', async () => {
    const { place } = clientOf(nowhere)
    for (let i = 0; i < 3; i++)
      expect(await call(place, order)).toMatchObject({
        left: { code: 'unavailable', reason: 'CONNECTION_REFUSED', ran: 'no' },
      })
  })

  test('fails with CONNECTION_FAILED, ran no, for a name that does not exist', async () => {
    const { place } = clientOf('http://name.invalid:80')
    expect(await call(place, order)).toMatchObject({
      left: { code: 'unavailable', reason: 'CONNECTION_FAILED', ran: 'no' },
    })
  })

  test('keeps connections and does not open more than it may', async () => {
    const log = newLog()
    const { address, port } = await served([shop(log)])
    const { get } = clientOf(address, { maxConnections: 4 })
    const seen = new Set<number>()
    for (let round = 0; round < 5; round++) {
      const outcomes = await Promise.all(Array.from({ length: 50 }, (_, i) => call(get, { id: `${round}-${i}` })))
      expect(outcomes.every(({ _tag }) => _tag === 'Right')).toBe(true)
      for (const local of localPorts(port)) seen.add(local)
    }
    expect(seen.size).toBeLessThanOrEqual(4)
    expect(log.calls).toHaveLength(250)
  })

  test('refuses calls above maxCalls at once, and takes them again afterwards', async () => {
    const { address, requests, sockets } = await hostile(() => {})
    const { get } = clientOf(address, { maxCalls: 5 })
    const controller = new AbortController()
    const going = Array.from({ length: 5 }, () => call(get, { id: '7' }, { signal: controller.signal }))
    await until('the requests', () => requests.length === 5)
    expect(await call(get, { id: '7' })).toMatchObject({
      left: { code: 'resource_exhausted', reason: 'TOO_MANY_CALLS', ran: 'no' },
    })
    controller.abort()
    await Promise.all(going)
    await until('the end of the connections', () => sockets.size === 0)
    const again = call(get, { id: '7' }, { deadlineMs: 100 })
    expect(await again).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
  })

  test('closing waits for calls that go on, and refuses new ones', async () => {
    let answer = (): void => {}
    const { address, requests, sockets } = await hostile(socket => {
      answer = () => void socket.write(good)
    })
    const { get, binding } = clientOf(address)
    const going = call(get, { id: '7' })
    await until('the request', () => requests.length === 1)
    let isClosed = false
    const closing = binding.close().then(() => {
      isClosed = true
    })
    expect(await call(get, { id: '8' })).toMatchObject({
      left: { code: 'unavailable', reason: 'CLIENT_CLOSED', ran: 'no' },
    })
    expect(isClosed).toBe(false)
    answer()
    expect(await going).toMatchObject({ right: order })
    await closing
    await binding.close()
    await until('the end of the connection', () => sockets.size === 0)
  })

  test('closing before the first call opens nothing', async () => {
    const { get, binding } = clientOf('http://127.0.0.1:1')
    await binding.close()
    expect(await call(get, { id: '8' })).toMatchObject({ left: { reason: 'CLIENT_CLOSED' } })
  })

  test('closing while the stack is being loaded leaves nothing open', async () => {
    const { address, sockets } = await hostile(socket => socket.write(good))
    const { get, binding } = clientOf(address)
    const going = call(get, { id: '7' })
    await binding.close()
    await going
    await until('the end of the connections', () => sockets.size === 0)
  })

  test('a server that closes idle connections just when they are used: nothing hangs, nothing runs twice', async () => {
    const runs = new Map<string, number>()
    const { address } = await hostile((socket, _, head) => {
      const id = /x-id: (\S+)/i.exec(head)?.[1] ?? ''
      runs.set(id, (runs.get(id) ?? 0) + 1)
      socket.write(good)
      setTimeout(() => socket.destroy(), 30)
    })
    const { place } = clientOf(address, { keepAliveTimeoutMs: 4_000 })
    const reasons = new Set<string>()
    for (let i = 0; i < deep(40, 400); i++) {
      const outcome = await call(place, order, { deadlineMs: 5_000, outgoing: { 'x-id': `${i}` } })
      if (outcome._tag === 'Left') reasons.add('reason' in outcome.left ? outcome.left.reason : outcome.left._tag)
      await new Promise(resolve => setTimeout(resolve, 28 + (i % 5)))
    }
    expect([...reasons].filter(reason => reason !== 'CONNECTION_LOST')).toEqual([])
    expect([...runs.values()].every(count => count === 1)).toBe(true)
  })

  test('a server that says when it will close an idle connection is believed', async () => {
    const { address, listening } = await served([shop()], { keepAliveTimeoutMs: 100 })
    const { place } = clientOf(address, { keepAliveTimeoutMs: 4_000 })
    for (let i = 0; i < deep(12, 200); i++) {
      expect(await call(place, order)).toMatchObject({ right: order })
      await new Promise(resolve => setTimeout(resolve, 97 + (i % 6)))
    }
    await listening.close()
  })

  test('many calls on one pool leave no listener, timer or memory behind', { timeout: 120_000 }, async () => {
    const { address } = await served([shop(newLog(), { get: ({ id }) => ({ id, items: [] }) })])
    const { get } = clientOf(address, { maxConnections: 8 })
    const controller = new AbortController()
    const warnings: Error[] = []
    const warn = (warning: Error) => void warnings.push(warning)
    process.on('warning', warn)
    const round = async (calls: number) => {
      let left = calls
      const worker = async () => {
        while (left-- > 0) await call(get, { id: '7' }, { signal: controller.signal })
      }
      await Promise.all(Array.from({ length: 8 }, worker))
    }
    /** What is held when the turns that still go on have ended. */
    const held = async () => {
      for (let i = 0; i < 10; i++) await new Promise(resolve => setImmediate(resolve))
      const resources = process.getActiveResourcesInfo()
      const sockets = resources.filter(each => each === 'TCPSocketWrap').length
      return { sockets, others: resources.length - sockets, heap: heapUsed() }
    }
    await round(1_000)
    const before = await held()
    await round(deep(4_000, 100_000))
    const after = await held()
    expect(after.sockets).toBeLessThanOrEqual(2 * 8) // both ends are here, and there may be fewer before
    expect(after.others).toBeLessThanOrEqual(before.others + 2)
    expect(after.heap - before.heap).toBeLessThan(4 * 1_048_576)
    process.off('warning', warn)
    expect(warnings).toEqual([])
  })
})

/** What is left after collecting garbage. */
function heapUsed(): number {
  for (let i = 0; i < 3; i++) collect()
  return process.memoryUsage().heapUsed
}

/** The local ports of this process's connections to `port`, as the system lists them. */
function localPorts(port: number): number[] {
  const handles = Reflect.get(process, '_getActiveHandles') as () => { remotePort?: number; localPort?: number }[]
  return handles
    .call(process)
    .filter(({ remotePort }) => remotePort === port)
    .map(({ localPort = 0 }) => localPort)
}

describe('the target of a client', () => {
  test.for(['', 'localhost', 'ftp://x', 'http://a?b', 'http://a#b', 'http://user:secret@a'])(
    "cannot be '%s'",
    target => {
      expect(() => http.client(target)).toThrow(TypeError)
    },
  )

  test('may have a path, which comes before the methods own', async () => {
    const { address, requests } = await hostile(socket => socket.write(good))
    const binding = http.client(`${address}/api/v1/`)
    onTestFinished(() => binding.close())
    await call(connect(Shop, binding).get, { id: '7' })
    expect(requests[0]).toMatch(/^GET \/api\/v1\/orders\/7 /)
  })
})
