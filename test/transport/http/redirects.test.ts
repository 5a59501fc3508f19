/** Redirects: sent to browsers without being open to all, and followed by clients only where that means the same call. */

import fc from 'fast-check'
import { call, connect } from 'tenon'
import { type Failure, Reply } from 'tenon/core'
import * as http from 'tenon/transport/http'
import * as express from 'tenon/transport/http/express'
import * as edge from 'tenon/transport/http/fetch'
import { describe, expect, onTestFinished, test } from 'vitest'
import { deep } from '../../deep.js'
import { type Behaviour, type Hostile, hostile, response } from './hostile-server.js'
import { open, served } from './served.js'
import { newLog, Shop, shop } from './shop.js'

const stacks = ['undici', 'node'] as const
const json = { 'content-type': 'application/json' }

/** A server that redirects by path. */
function redirecting(
  to: (path: string, index: number) => readonly [status: string, location: string] | undefined,
): Promise<Hostile> {
  const behave: Behaviour = (socket, index, head) => {
    const path = head.split(' ')[1] ?? ''
    const place = to(path, index)
    socket.write(
      place === undefined
        ? response('200 OK', json, JSON.stringify({ id: path, items: [] }))
        : response(place[0], { location: place[1], 'x-version': '1', 'set-cookie': 'a=b' }, 'moved'),
    )
  }
  return hostile(behave)
}

describe.each(stacks)('a client on %s', stack => {
  const shopAt = (address: string, maxRedirects?: number) => {
    const binding = http.client(address, { stack, ...(maxRedirects !== undefined && { maxRedirects }) })
    onTestFinished(() => binding.close())
    return connect(Shop, binding)
  }
  const failureAt = async (server: Hostile, maxRedirects?: number): Promise<Failure> => {
    const outcome = await call(
      shopAt(server.address, maxRedirects).get,
      { id: '7' },
      { outgoing: { authorization: 'Bearer secret' } },
    )
    if (outcome._tag === 'Right') throw new Error('it was answered')
    return outcome.left as Failure
  }

  test('follows none unless told to, and says where it would have led', async () => {
    const server = await redirecting(path => (path === '/orders/7' ? ['302 Found', '/orders/8'] : undefined))
    expect(await failureAt(server)).toMatchObject({
      code: 'unknown',
      reason: 'UNEXPECTED_RESPONSE',
      details: { status: 302, location: '/orders/8' },
    })
    expect(server.requests).toHaveLength(1)
  })

  test.for(['301 Moved', '302 Found', '303 See Other', '307 Temporary', '308 Permanent'])(
    'follows %s of a GET, with all that was sent',
    async status => {
      const server = await redirecting(path => (path === '/orders/7' ? [status, '../orders/8?a=1#x'] : undefined))
      let reply: Reply | undefined
      const outcome = await call(
        shopAt(server.address, 1).get,
        { id: '7' },
        {
          outgoing: { authorization: 'Bearer secret' },
          onReply: given => {
            reply = given
          },
        },
      )
      expect(outcome).toMatchObject({ right: { id: '/orders/8?a=1' } })
      expect(server.requests[1]).toMatch(/authorization: Bearer secret/i)
      expect(reply?.headers.get('x-version')).toBeUndefined()
      expect(reply?.setCookies).toEqual([])
    },
  )

  test('sends a POST again for 307 and 308, and never makes a GET of it', async () => {
    for (const status of ['307 Temporary', '308 Permanent']) {
      const server = await redirecting(path => (path === '/orders' ? [status, '/v2/orders'] : undefined))
      expect(await call(shopAt(server.address, 5).place, { id: '8' })).toMatchObject({ right: { id: '/v2/orders' } })
      expect(server.requests.map(head => head.split(' ', 2))).toEqual([
        ['POST', '/orders'],
        ['POST', '/v2/orders'],
      ])
    }
    for (const status of ['301 Moved', '302 Found', '303 See Other']) {
      const server = await redirecting(() => [status, '/v2/orders'])
      expect(await call(shopAt(server.address, 5).place, { id: '8' })).toMatchObject({
        left: { reason: 'REDIRECT_REFUSED', details: { status: Number(status.slice(0, 3)) } },
      })
      expect(server.requests).toHaveLength(1)
    }
  })

  test('sends a request stream once', async () => {
    const server = await hostile(socket => socket.write(response('307 Temporary', { location: '/v2/uploads' })))
    async function* items(): AsyncGenerator<{ index: number }> {
      yield { index: 1 }
    }
    expect(await call(shopAt(server.address, 5).upload, items())).toMatchObject({
      left: { reason: 'REDIRECT_REFUSED' },
    })
    expect(server.requests.filter(head => head.startsWith('POST '))).toHaveLength(1)
  })

  test.for([
    'https://evil.example/orders/7',
    '//evil.example/orders/7',
    'http://127.0.0.1:1/orders/7',
    'https://127.0.0.1/',
    'javascript:alert(1)',
    'http://[',
    'data:text/html,x',
  ])('leaves its origin for no place, and no credential with it: %s', async location => {
    const server = await redirecting(() => ['307 Temporary', location])
    const failure = await failureAt(server, 5)
    expect(failure).toMatchObject({
      code: 'unknown',
      reason: 'REDIRECT_REFUSED',
      ran: 'maybe',
      details: { status: 307 },
    })
    expect(JSON.stringify(failure)).not.toContain('secret')
    expect(server.requests).toHaveLength(1)
  })

  test('carries no credentials that a place has in it', async () => {
    const server = await redirecting(path =>
      path === '/orders/7' ? ['302 Found', `http://a:b@127.0.0.1:${server.port}/orders/8`] : undefined,
    )
    expect(await failureAt(server, 5)).toMatchObject({ reason: 'REDIRECT_REFUSED' })
  })

  test('notices a loop, and counts', async () => {
    const loop = await redirecting(path => ['302 Found', path === '/orders/7' ? '/orders/8' : '/orders/7'])
    expect(await failureAt(loop, 20)).toMatchObject({ reason: 'TOO_MANY_REDIRECTS' })
    expect(loop.requests).toHaveLength(2)
    const itself = await redirecting(path => ['302 Found', path])
    expect(await failureAt(itself, 20)).toMatchObject({ reason: 'TOO_MANY_REDIRECTS' })
    const endless = await redirecting((_, index) => ['302 Found', `/orders/${100 + index}`])
    expect(await failureAt(endless, 3)).toMatchObject({ reason: 'TOO_MANY_REDIRECTS' })
    expect(endless.requests).toHaveLength(4)
  })

  test('keeps to the deadline of the call', async () => {
    const slow = await hostile((socket, index) => {
      if (index === 0) socket.write(response('302 Found', { location: '/orders/8' }))
    })
    expect(await call(shopAt(slow.address, 5).get, { id: '7' }, { deadlineMs: 1_500 })).toMatchObject({
      left: { reason: 'DEADLINE_EXCEEDED' },
    })
    expect(slow.requests).toHaveLength(2)
  })

  test('reads a response without a place, and a stream after a redirect, as ever', async () => {
    const nowhere = await hostile(socket => socket.write(response('302 Found', {})))
    expect(await failureAt(nowhere, 5)).toMatchObject({ reason: 'UNEXPECTED_RESPONSE', details: { status: 302 } })
    const { port } = await served([shop()])
    const front = await redirecting(() => ['307 Temporary', `http://127.0.0.1:${port}/orders/7/events`])
    expect(await call(shopAt(front.address, 5).watch, { id: '7' })).toMatchObject({
      left: { reason: 'REDIRECT_REFUSED' },
    })
    const lines = '{"value":{"index":0,"text":"a"}}\n{"end":{}}\n'
    const streaming = await hostile((socket, index) =>
      socket.write(
        index === 0
          ? response('307 Temporary', { location: '/other' })
          : response('200 OK', { 'content-type': 'application/x-ndjson' }, lines),
      ),
    )
    const outcome = await call(shopAt(streaming.address, 5).watch, { id: '7' })
    if (outcome._tag === 'Left') throw new Error(JSON.stringify(outcome.left))
    const items: unknown[] = []
    for await (const item of outcome.right) items.push(item)
    expect(items).toEqual([{ index: 0, text: 'a' }])
  })

  test('an endpoint without a contract follows as well', async () => {
    const server = await redirecting(path => (path === '/a' ? ['302 Found', '/b'] : undefined))
    const remote = http.endpoint<object, string>(
      server.address,
      { encode: () => ({ method: 'GET', path: '/a' }), decode: ({ text }) => text },
      { stack, maxRedirects: 1 },
    )
    onTestFinished(() => remote.close())
    expect(await call(remote, {})).toMatchObject({ right: expect.stringContaining('/b') })
  })

  test.for([-1, 0.5, 21, Number.NaN])('refuses %d as a number of redirects', maxRedirects => {
    expect(() => http.client('http://127.0.0.1:1', { stack, maxRedirects })).toThrow(RangeError)
  })
})

describe('a redirect of a handler', () => {
  const at = async (
    change: (reply: Reply) => void,
  ): Promise<{ readonly status: number; readonly location: string | undefined; readonly defects: number }> => {
    const { port, defects } = await served([
      shop(newLog(), {
        get({ id }, { reply }) {
          change(reply)
          return { id, items: [] }
        },
      }),
    ])
    const answer = await open(port).write('GET /orders/7 HTTP/1.1\r\nhost: t\r\n\r\n').response()
    return { status: answer?.status ?? 0, location: answer?.headers['location'], defects: defects.length }
  }

  test.for([301, 302, 303, 307, 308] as const)('is sent with %i', async status => {
    expect(await at(reply => http.redirect(reply, '/orders/8?tab=1', { status }))).toEqual({
      status,
      location: '/orders/8?tab=1',
      defects: 0,
    })
  })

  test('is 303 unless said otherwise, and may lead to origins that are named', async () => {
    const location = 'https://accounts.example/login?from=x'
    expect(await at(reply => http.redirect(reply, location, { origins: ['https://accounts.example'] }))).toEqual({
      status: 303,
      location,
      defects: 0,
    })
  })

  test('a status of a redirect without a place is reported, and not sent', async () => {
    expect(
      await at(reply => {
        reply.status = 302
      }),
    ).toEqual({ status: 200, location: undefined, defects: 1 })
  })

  test.for([
    ...[
      '//evil.example',
      '/\\evil.example',
      '\\\\evil.example',
      '///evil.example',
      'https://evil.example',
      'https:evil.example',
      'evil.example',
    ],
    ...[
      '/\t/evil.example',
      '/\n/evil.example',
      ' //evil.example',
      'javascript:alert(1)',
      'data:text/html,x',
      '',
      '.',
      'http://here.invalid/x',
    ],
    ...[
      'https://accounts.example.evil.example',
      'https://accounts.example@evil.example',
      'https://x@accounts.example',
      'https://accounts.example:444',
      'http://accounts.example',
      '/ä',
      '/a b',
      '/orders\\7',
    ],
  ])('to %j is refused: the caller is told that it was wrong', async location => {
    const options = { origins: ['https://accounts.example'] }
    const reply = new Reply()
    expect(() => http.redirect(reply, location, options)).toThrow('UNSAFE_REDIRECT')
    expect([reply.headers.size, reply.status]).toEqual([0, undefined])
    expect((await at(given => http.redirect(given, location, options))).status).toBe(400)
  })

  test('to what is no redirect is a mistake', () => {
    expect(() => http.redirect(new Reply(), '/', { status: 200 as 303 })).toThrow(RangeError)
  })

  test('never leaves the server, whatever a caller says', () => {
    const piece = fc.oneof(
      fc.constantFrom('/', '\\', '.', '..', '//', ':', '@', 'evil.example', 'https:', '\t', '\n', '%2f', '?', '#'),
      fc.string({ maxLength: 3 }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), pieces => {
        const location = pieces.join('')
        const reply = new Reply()
        try {
          http.redirect(reply, location)
        } catch {
          return
        }
        expect(new URL(reply.headers.get('location') ?? '', 'https://shop.example/a/b').origin).toBe(
          'https://shop.example',
        )
      }),
      { numRuns: deep(2_000, 50_000) },
    )
  })
})

test('redirect is in every entry that serves', () => {
  expect([express.redirect, edge.redirect]).toEqual([http.redirect, http.redirect])
})
