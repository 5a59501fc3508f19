/** What a handler says beside its response: sent where HTTP can carry it, reported where it cannot, never sent broken. */
import { call, connect } from 'tenon'
import type { Context, Reply } from 'tenon/core'
import * as http from 'tenon/transport/http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { open, type Served, served } from './served.js'
import { newLog, Shop, shop } from './shop.js'

/** A server whose `get` does this to its reply. */
function replying(change: (reply: Reply) => void): Promise<Served> {
  return served([
    shop(newLog(), {
      get({ id }, { reply }: Context) {
        change(reply)
        return { id, items: [] }
      },
    }),
  ])
}

const get = 'GET /orders/7 HTTP/1.1\r\nhost: t\r\n\r\n'

describe('reply headers', () => {
  test('are sent as they are', async () => {
    const { port, defects } = await replying(reply => {
      reply.header('X-Version', '7, "seven"')
      reply.header('set-cookie', 'a=b; Path=/')
      reply.trailer('x-cost', '3')
    })
    const answer = await open(port).write(get).response()
    expect(answer?.headers).toMatchObject({
      'x-version': '7, "seven"',
      'set-cookie': 'a=b; Path=/',
      'tenon-trailer-x-cost': '3',
    })
    expect(defects).toEqual([])
  })

  test.for([
    ...['connection', 'content-length', 'content-type', 'content-encoding', 'transfer-encoding', 'trailer', 'te'],
    ...['keep-alive', 'upgrade', 'date', 'tenon-ran'],
  ])('%s is reported and not sent', async name => {
    const { port, defects } = await replying(reply => reply.header(name, '1'))
    const connection = open(port)
    for (let i = 1; i <= 2; i++) {
      const answer = await connection.write(get).response()
      expect(answer).toMatchObject({ status: 200, body: '{"id":"7","items":[]}' })
      expect(answer?.headers[name] ?? '').not.toMatch(/(^|\n)1(\n|$)/)
      expect(defects).toHaveLength(i)
    }
  })

  test.for([
    ['a line break', 'x-a', 'b\r\nx-c: d'],
    ['a NUL', 'x-a', 'b\0'],
    ['an umlaut', 'x-a', 'ä'],
    ['a space in the name', 'x a', 'b'],
    ['a colon in the name', 'x:a', 'b'],
    ['an empty name', '', 'b'],
    ['over 8 KiB', 'x-a', 'b'.repeat(9_000)],
  ] as const)('%s is refused where it is set', async ([, name, value]) => {
    let thrown: unknown
    const { port } = await replying(reply => {
      try {
        reply.header(name, value)
      } catch (caught) {
        thrown = caught
      }
    })
    const answer = await open(port).write(get).response()
    expect(answer?.status).toBe(200)
    expect(answer?.headers).not.toHaveProperty('x-c')
    expect(thrown).toBeInstanceOf(TypeError)
  })

  test.for(['header', 'trailer'] as const)(
    'a %s that cannot be sent is the defect of the handler, not of its caller',
    async part => {
      const { port, defects } = await replying(reply => reply[part]('x-name', 'Ünï'))
      const answer = await open(port).write(get).response()
      expect(answer?.status).toBe(500)
      expect(JSON.parse(answer?.body ?? '')).toMatchObject({
        code: 'internal',
        reason: 'DEFECT',
        detail: 'internal error',
      })
      expect(defects).toEqual([
        new TypeError("reply: the metadata entry 'x-name' has a value that is not visible ASCII"),
      ])
    },
  )
})

describe('reply status', () => {
  test.for([200, 201, 202, 299])('%i is sent', async status => {
    const { port, defects } = await replying(reply => {
      reply.status = status
    })
    expect(await open(port).write(get).response()).toMatchObject({ status, body: '{"id":"7","items":[]}' })
    expect(defects).toEqual([])
  })

  test.for([0, 42, 100, 101, 199, 204, 205, 304, 404, 500, 600, 1e6, -1, 200.5, Number.NaN])(
    '%d is reported, and the contract s own is sent',
    async status => {
      const { port, defects } = await replying(reply => {
        reply.status = status
      })
      expect(await open(port).write(get).response()).toMatchObject({ status: 200, body: '{"id":"7","items":[]}' })
      expect(defects).toHaveLength(1)
    },
  )
})

describe('request metadata', () => {
  test('several values of a name are joined, names are lower-case, and nothing is inherited', async () => {
    let seen: Context['metadata'] = new Map()
    const { port } = await served([
      shop(newLog(), {
        get({ id }, { metadata }) {
          seen = metadata
          return { id, items: [] }
        },
      }),
    ])
    const lines = 'X-A: 1\r\nx-a: 2\r\n__proto__: x\r\nconstructor: y\r\ncookie: a=1\r\ncookie: b=2\r\n'
    expect((await open(port).write(`GET /orders/7 HTTP/1.1\r\nhost: t\r\n${lines}\r\n`).response())?.status).toBe(200)
    expect(seen.get('x-a')).toBe('1, 2')
    expect(seen.get('cookie')).toBe('a=1; b=2')
    expect(seen.get('constructor')).toBe('y')
    expect(seen.get('tostring')).toBeUndefined()
    expect({}).not.toHaveProperty('x')
  })

  test('what a caller sends is on the wire once, beside the deadline and the attempt', async () => {
    const { address } = await served([shop()])
    const binding = http.client(address)
    onTestFinished(() => binding.close())
    const { get: read } = connect(Shop, binding)
    expect(await call(read, { id: '7' }, { outgoing: { authorization: 'Bearer x', 'X-Id': '1' } })).toMatchObject({
      _tag: 'Right',
    })
    for (const outgoing of [{ 'x-a': 'b\r\nc: d' }, { 'x a': 'b' }, { 'x-a': '\0' }] as const)
      expect(await call(read, { id: '7' }, { outgoing: outgoing as never })).toMatchObject({
        left: { reason: 'INVALID_METADATA' },
      })
  })
})
