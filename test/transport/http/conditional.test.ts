/** Conditional requests over HTTP: 304 for who has it already, 412 for who has not seen what he overwrites. RFC 9110, section 13. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { call, connect } from 'tenon'
import { blame, type Context, type Reply } from 'tenon/core'
import * as http from 'tenon/transport/http'
import * as fetching from 'tenon/transport/http/fetch'
import { describe, expect, onTestFinished, test } from 'vitest'
import { isTag, stronglyEqual, tagsIn, weaklyEqual } from '../../../src/transport/http/entity-tag.js'
import { deep } from '../../deep.js'
import { cpuMs } from '../cpu.js'
import { hostile, response } from './hostile-server.js'
import { ask, type RawResponse, type Served, served } from './served.js'
import { newLog, Shop, shop } from './shop.js'

const run = promisify(execFile)

function replying(change: (reply: Reply) => void, options: Partial<http.HttpServerOptions> = {}): Promise<Served> {
  const get = ({ id }: { readonly id: string }, { reply }: Context) => {
    change(reply)
    return { id, items: [] }
  }
  return served([shop(newLog(), { get })], options)
}

function got(port: number, headers: Record<string, string>, method = 'GET'): Promise<RawResponse | undefined> {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return ask(port, `${method} /orders/7 HTTP/1.1\r\nhost: t\r\n${lines.join('')}\r\n`, method !== 'HEAD')
}

const v1 = (reply: Reply): void => reply.header('etag', '"v1"')
const date = 'Tue, 03 Nov 2026 10:00:00 GMT'
const dated = (reply: Reply): void => reply.header('last-modified', date)

describe('a caller that has the response already', () => {
  test.for([
    ['the tag', v1, { 'if-none-match': '"v1"' }],
    ['the weak form of it', v1, { 'if-none-match': 'W/"v1"' }],
    ['the tag of a packed body', v1, { 'if-none-match': '"v1--gzip"' }],
    ['it among others', v1, { 'if-none-match': 'W/"v0" , "v2",\t"v1"' }],
    ['any', v1, { 'if-none-match': ' * ' }],
    ['a weak tag', (reply: Reply) => reply.header('etag', 'W/"v1"'), { 'if-none-match': '"v1"' }],
    ['the date', dated, { 'if-modified-since': date }],
    ['a later date', dated, { 'if-modified-since': 'Tue, 03 Nov 2026 10:00:01 GMT' }],
  ] as const)('is told so by %s', async ([, change, headers]) => {
    const { port, defects } = await replying(change)
    const answer = await got(port, headers)
    expect(answer).toMatchObject({ status: 304, body: '' })
    expect(answer?.headers['content-type']).toBeUndefined()
    expect(answer?.headers['content-length']).toBeUndefined()
    expect((await got(port, headers, 'HEAD'))?.status).toBe(304)
    expect(defects).toEqual([])
  })

  test('keeps the tag it has, and gets what else is said of the response', async () => {
    const { port } = await replying(reply => {
      v1(reply)
      dated(reply)
      reply.header('cache-control', 'max-age=60')
      reply.header('set-cookie', 'a=b')
      reply.header('vary', 'origin')
    })
    const { headers } = (await got(port, { 'if-none-match': '"v1--br"' })) ?? {}
    expect(headers).toMatchObject({
      etag: '"v1--br"',
      'cache-control': 'max-age=60',
      'set-cookie': 'a=b',
      vary: 'origin',
    })
    expect(headers).not.toHaveProperty('last-modified')
  })
})

describe('the whole response goes out', () => {
  const both = (reply: Reply): void => {
    v1(reply)
    dated(reply)
  }
  test.for([
    ['for another tag', both, { 'if-none-match': '"v2"' }],
    ['for another tag, whatever the date', both, { 'if-none-match': '"v2"', 'if-modified-since': date }],
    ['for a tag that only begins so', both, { 'if-none-match': '"v12"' }],
    ['for an earlier date', both, { 'if-modified-since': 'Tue, 03 Nov 2026 09:59:59 GMT' }],
    ['for what is no date', both, { 'if-modified-since': 'today' }],
    ['for an obsolete form of a date', both, { 'if-modified-since': 'Tue Nov  3 10:00:00 2026' }],
    ['for a list that is malformed', both, { 'if-none-match': '"v1" and more' }],
    ['for a tag without quotes', both, { 'if-none-match': 'v1' }],
    ['for a list of too many', both, { 'if-none-match': `${'"x",'.repeat(100)}"v1"` }],
    ['for an empty list', both, { 'if-none-match': ',' }],
    ['where nobody set anything', () => {}, { 'if-none-match': '"v1"', 'if-modified-since': date }],
    ['where nobody set a tag', () => {}, { 'if-none-match': '*' }],
  ] as const)('%s', async ([, change, headers]) => {
    const { port, defects } = await replying(change)
    expect(await got(port, headers)).toMatchObject({ status: 200, body: '{"id":"7","items":[]}' })
    expect(defects).toEqual([])
  })

  test('without a tag that is none, which is reported', async () => {
    const { port, defects } = await replying(reply => reply.header('etag', 'v1'))
    const answer = await got(port, { 'if-none-match': '*' })
    expect(answer?.status).toBe(200)
    expect(answer?.headers).not.toHaveProperty('etag')
    expect(defects).toMatchObject([{ message: 'the etag "v1" is none: a tag stands in double quotes' }])
  })

  test('to a method that changes something, and to a failure', async () => {
    const place = ({ id }: { readonly id: string }, { reply }: Context) => {
      v1(reply)
      return { id, items: [] }
    }
    const { port } = await served([shop(newLog(), { place })], { etag: 'strong' })
    const body = '{"id":"7"}'
    const head = `POST /orders HTTP/1.1\r\nhost: t\r\nif-none-match: "v1"\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
    expect(await ask(port, head + body)).toMatchObject({ status: 200, headers: { etag: '"v1"' } })
    const missing = await ask(port, 'GET /none HTTP/1.1\r\nhost: t\r\nif-none-match: *\r\n\r\n')
    expect(missing?.status).toBe(404)
    expect(missing?.headers).not.toHaveProperty('etag')
  })

  test('of a redirect: where it leads may be another place, and its body says nothing of that', async () => {
    let place = '/a'
    const { port } = await replying(reply => http.redirect(reply, place), { etag: 'strong' })
    const first = await got(port, {})
    expect(first).toMatchObject({ status: 303, headers: { location: '/a' } })
    expect(first?.headers).not.toHaveProperty('etag')
    place = '/b'
    expect(await got(port, { 'if-none-match': '*' })).toMatchObject({ status: 303, headers: { location: '/b' } })
    expect(await got(port, { 'if-none-match': '*' }, 'HEAD')).toMatchObject({ status: 303 })
  })
})

describe('tags made from bodies', () => {
  test.for(['strong', 'weak'] as const)(
    'are %s, equal for equal bodies, and the same on node and on fetch',
    async etag => {
      const { port, address } = await replying(() => {}, { etag })
      const first = await got(port, {})
      const tag = first?.headers['etag'] ?? ''
      expect(tag).toMatch(etag === 'weak' ? /^W\/"[\w-]{22}"$/ : /^"[\w-]{22}"$/)
      expect((await got(port, { 'if-none-match': tag }))?.status).toBe(304)
      expect((await got(port, {}, 'HEAD'))?.headers['etag']).toBe(tag)
      const other = await fetch(`${address}/orders/8`)
      expect(other.headers.get('etag')).not.toBe(tag)
      const get = ({ id }: { readonly id: string }) => ({ id, items: [] })
      const onFetch = fetching.server([shop(newLog(), { get })], { etag })
      const ours = await onFetch(new Request('http://t/orders/7'))
      expect(ours.headers.get('etag')).toBe(tag)
      const again = await onFetch(new Request('http://t/orders/7', { headers: { 'if-none-match': tag } }))
      expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', tag])
    },
  )

  test('are not made for streams, for what nobody may keep, nor over a tag of the handler', async () => {
    const { port, address } = await replying(reply => reply.header('cache-control', 'no-store'), { etag: 'strong' })
    expect((await got(port, {}))?.headers).not.toHaveProperty('etag')
    const stream = await fetch(`${address}/orders/7/events`, { headers: { 'if-none-match': '*' } })
    expect([stream.status, stream.headers.get('etag')]).toEqual([200, null])
    await stream.body?.cancel()
    const own = await replying(v1, { etag: 'strong' })
    expect((await got(own.port, {}))?.headers['etag']).toBe('"v1"')
  })

  test('hold for packed bodies, which curl gets once', async () => {
    const get = ({ id }: { readonly id: string }) => ({ id, items: [], note: 'again '.repeat(1_000) })
    const { address } = await served([shop(newLog(), { get })], { etag: 'strong', compression: true })
    const ask = ['-s', '--compressed', '-o', '/dev/null', '-D', '-', `${address}/orders/7`]
    const { stdout } = await run('curl', ask)
    const tag = /^etag: (.*)\r$/im.exec(stdout)?.[1] ?? ''
    expect(tag).toMatch(/^"[\w-]{22}--(?:br|gzip|deflate)"$/)
    const again = await run('curl', [...ask, '-H', `if-none-match: ${tag}`])
    expect(again.stdout).toMatch(/^HTTP\/1.1 304 /)
    expect(again.stdout.toLowerCase()).toContain(`etag: ${tag.toLowerCase()}`)
    expect(again.stdout.toLowerCase()).toContain('vary: accept-encoding')
    expect(again.stdout.toLowerCase()).not.toContain('content-encoding')
  })

  test('of another kind there are not', () => {
    expect(() => http.server({ port: 0, etag: 'medium' as never })).toThrow(
      "etag must be 'strong', 'weak' or false, got 'medium'",
    )
  })
})

describe('who changes what is there', () => {
  test.for([
    ['nothing asked for', {}, '"v7"', true],
    ['the version that is there', { 'if-match': '"v7"' }, '"v7"', true],
    ['it among others', { 'if-match': '"v6", "v7"' }, '"v7"', true],
    ['it as it came packed', { 'if-match': '"v7--gzip"' }, '"v7"', true],
    ['any version', { 'if-match': '*' }, '"v7"', true],
    ['another version', { 'if-match': '"v6"' }, '"v7"', false],
    ['a weak tag', { 'if-match': 'W/"v7"' }, '"v7"', false],
    ['a weak tag of a weak one', { 'if-match': 'W/"v7"' }, 'W/"v7"', false],
    ['any version of nothing', { 'if-match': '*' }, undefined, false],
    ['a version of nothing', { 'if-match': '"v7"' }, undefined, false],
    ['a list that is malformed', { 'if-match': 'v7' }, '"v7"', false],
    ['to create', { 'if-none-match': '*' }, undefined, true],
    ['to create what is there', { 'if-none-match': '*' }, '"v7"', false],
    ['not this version', { 'if-none-match': 'W/"v7"' }, '"v7"', false],
    ['not another version', { 'if-none-match': '"v6"' }, '"v7"', true],
    ['not what is malformed', { 'if-none-match': 'v7' }, undefined, false],
  ] as const)('with %s', async ([, headers, etag, may]) => {
    const place = ({ id }: { readonly id: string }, context: Context) => {
      http.checkPreconditions(context, etag)
      return { id, items: [] }
    }
    const { address, defects } = await served([shop(newLog(), { place })])
    const init = { method: 'POST', body: '{"id":"7"}', headers: { 'content-type': 'application/json', ...headers } }
    const answer = await fetch(`${address}/orders`, init)
    expect(answer.status).toBe(may ? 200 : 412)
    if (!may) expect(await answer.json()).toMatchObject({ code: 'failed_precondition', reason: 'PRECONDITION_FAILED' })
    expect(defects).toEqual([])
    const binding = http.client(address)
    onTestFinished(() => binding.close())
    const outcome = await call(connect(Shop, binding).place, { id: '7', items: [] }, { outgoing: headers })
    expect(outcome).toMatchObject(may ? { right: { id: '7' } } : { left: { reason: 'PRECONDITION_FAILED' } })
  })
})

describe.for(['undici', 'node', 'fetch'] as const)('our client on %s', stack => {
  function clientOf(address: string) {
    const binding = stack === 'fetch' ? fetching.client(address) : http.client(address, { stack })
    onTestFinished(() => binding.close())
    return connect(Shop, binding)
  }

  test('hears NOT_MODIFIED, and the headers, where it asked for changes only', async () => {
    const { address } = await replying(
      reply => {
        v1(reply)
        reply.header('cache-control', 'max-age=60')
      },
      { etag: 'strong' },
    )
    const client = clientOf(address)
    const seen: [string | undefined, string | undefined][] = []
    const outcome = await call(
      client.get,
      { id: '7' },
      {
        outgoing: { 'if-none-match': '"v1"' },
        onReply: ({ headers }) => void seen.push([headers.get('etag'), headers.get('cache-control')]),
      },
    )
    expect(outcome).toMatchObject({ left: { code: 'failed_precondition', reason: 'NOT_MODIFIED', ran: 'maybe' } })
    if (outcome._tag === 'Left') expect(blame(outcome.left)).toBe('caller') // no breaker opens for it
    expect(seen).toEqual([['"v1"', 'max-age=60']])
    expect(await call(client.get, { id: '7' }, { outgoing: { 'if-none-match': '"v0"' } })).toMatchObject({
      right: { id: '7' },
    })
  })

  test('takes 304 for no response where it did not', async () => {
    const { address } = await hostile(socket => socket.write(response('304 Not Modified', { etag: '"v1"' })))
    expect(await call(clientOf(address).get, { id: '7' })).toMatchObject({ left: { reason: 'UNEXPECTED_RESPONSE' } })
  })
})

describe('lists of tags', () => {
  test('are read back as they were written', () => {
    const tag = fc.stringMatching(/^(W\/)?"[!#-~]*"$/)
    fc.assert(
      fc.property(
        fc.array(tag, { minLength: 1, maxLength: 100 }),
        fc.constantFrom(',', ', ', ' ,,\t'),
        (tags, comma) => {
          expect(tags.every(isTag)).toBe(true)
          expect(tagsIn(tags.join(comma))).toEqual(tags)
          for (const each of tags) {
            expect(weaklyEqual(each, each)).toBe(true)
            expect(stronglyEqual(each, each)).toBe(!each.startsWith('W/'))
          }
        },
      ),
      { numRuns: deep(100, 5_000) },
    )
  })

  test.for(['', ' ', ',', '"', '"a', 'a"', '"a" "b"', 'W/', 'w/"a"', '"a"b', '"a\u0000"', '*, "a"', '**', '"a";q=1'])(
    '%j is none',
    list => {
      expect(tagsIn(list)).toBeUndefined()
    },
  )

  test.for(['"', '"a', ',', ' ', 'W/', '"a",', '"a" '])('%j again and again costs no more than its length', piece => {
    const cost = (times: number): number =>
      cpuMs(() => {
        const list = piece.repeat(times)
        for (let i = 0; i < 50; i++) tagsIn(list)
      })
    expect(cost(32_000)).toBeLessThan(30 * Math.max(cost(4_000), 2)) // the square would be 64
  })
})
