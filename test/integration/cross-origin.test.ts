/** A page of another origin calls a server, in Chromium: what the browser lets it read, and what it keeps it from. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { cookiesOf, left, setCookie } from 'tenon/core'
import { type CorsOptions, redirect } from 'tenon/transport/http'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { root } from '../repo/sources.js'
import { served } from '../transport/http/served.js'
import { newLog, type ShopLog, shop } from '../transport/http/shop.js'
import { hasChromium, launchChromium, needChromium } from './chromium.js'

/** What the page runs: our own client, by name of a method. */
const program = `
  import { call, contract, connect, method } from 'tenon'
  import { client } from 'tenon/transport/http/fetch'
  import { z } from 'zod'
  import { Shop } from './test/transport/http/shop.js'

  const Newer = contract('test.v1.Shop', {
    rename: method({ request: z.object({ id: z.string() }), response: z.object({}), idempotency: 'unsafe' }),
    replace: method({ request: z.object({}), response: z.object({}), idempotency: 'unsafe', http: { put: '/orders' } }),
  })
  globalThis.ask = async (address, name, request, options = {}) => {
    const binding = client(address, { fetch: (url, init) => fetch(url, { ...init, credentials: options.credentials ?? 'same-origin' }) })
    const all = { ...connect(Shop, binding), ...connect(Newer, binding) }
    let reply
    const { outgoing } = options
    const outcome = await call(all[name], request, { ...(outgoing && { outgoing }), onReply: given => { reply = given } })
    const headers = Object.fromEntries(reply?.headers ?? [])
    if (outcome._tag === 'Left') {
      const { cause, ...failure } = outcome.left
      return { failure, headers }
    }
    if (outcome.right[Symbol.asyncIterator] === undefined) return { response: outcome.right, headers, trailers: Object.fromEntries(reply?.trailers ?? []) }
    const items = []
    for await (const item of outcome.right) items.push(item)
    return { items, headers }
  }
`

let browser: Browser
let script: string

/** A page of an origin of its own. */
async function pageOfAnotherOrigin(): Promise<{ readonly page: Page; readonly origin: string }> {
  const pages = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>'))
  pages.listen(0, '127.0.0.1')
  await once(pages, 'listening')
  onTestFinished(() => void pages.close())
  const address = pages.address()
  const origin = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  const page = await browser.newPage()
  onTestFinished(() => page.close())
  await page.goto(origin)
  await page.addScriptTag({ content: script, type: 'module' })
  await page.waitForFunction('globalThis.ask !== undefined')
  return { page, origin }
}

interface Visit {
  readonly origin: string
  readonly log: ShopLog
  ask(name: string, request: object, options?: object): Promise<unknown>
}

async function visit(corsFor: (origin: string) => CorsOptions): Promise<Visit> {
  const { page, origin } = await pageOfAnotherOrigin()
  const log = newLog()
  const service = shop(log, {
    get({ id }, context) {
      log.calls.push(`get ${id}`)
      context.reply.header('x-version', '7')
      context.reply.trailer('x-cost', '3')
      const note = cookiesOf(context).get('__Host-id') ?? 'no cookie'
      setCookie(context.reply, '__Host-id', 'a; b=c')
      return { id, items: [], note: context.metadata.has('authorization') ? 'authorized' : note }
    },
    place({ id }, { reply }) {
      log.calls.push(`place ${id}`)
      if (id === 'moved') redirect(reply, '/elsewhere')
      return id === 'none' ? left({ _tag: 'OutOfStock', details: { sku: 'teapot' } }) : { id, items: [] }
    },
  })
  const { address } = await served([service], { cors: corsFor(origin) })
  const ask = (name: string, request: object, options: object = {}): Promise<unknown> =>
    page.evaluate(`globalThis.ask(...${JSON.stringify([address, name, request, options])})`)
  return { origin, log, ask }
}

describe('a page of another origin', () => {
  beforeAll(async () => {
    if (!hasChromium) return
    const { outputFiles } = await build({
      stdin: { contents: program, resolveDir: root, loader: 'ts' },
      bundle: true,
      format: 'esm',
      write: false,
      alias: { tenon: join(root, 'src/index.ts') },
      plugins: [
        {
          name: 'sources',
          setup: ({ onResolve }) =>
            onResolve({ filter: /^tenon\// }, ({ path }) => ({
              path: join(root, 'src', path.slice('tenon/'.length), 'index.ts'),
            })),
        },
      ],
    })
    script = outputFiles[0]?.text ?? ''
    browser = await launchChromium()
  }, 60_000)
  afterAll(() => browser?.close())

  test('that may call reads results, failures and streams as a page of the same origin', { timeout: 60_000 }, async ({
    skip,
  }) => {
    needChromium(skip)
    const { ask } = await visit(origin => ({ origins: [origin], exposedHeaders: ['x-version'] }))
    expect(await ask('get', { id: '7' })).toEqual({
      response: { id: '7', items: [], note: 'no cookie' },
      headers: expect.objectContaining({ 'x-version': '7' }),
      trailers: { 'x-cost': '3' },
    })
    expect(await ask('place', { id: '8' })).toMatchObject({ response: { id: '8' } })
    expect(await ask('place', { id: 'none' })).toMatchObject({
      failure: { _tag: 'OutOfStock', details: { sku: 'teapot' } },
    })
    expect(await ask('watch', { id: '7', count: 3 })).toMatchObject({
      items: [{ index: 0 }, { index: 1 }, { index: 2 }],
    })
    expect(await ask('rename', { id: '7' })).toMatchObject({ failure: { reason: 'ROUTE_NOT_FOUND', ran: 'no' } })
    expect(await ask('replace', {})).toMatchObject({ failure: { reason: 'METHOD_NOT_ALLOWED', ran: 'no' } })
    expect(await ask('place', { id: 'moved' })).toMatchObject({
      failure: { code: 'unknown', reason: 'UNEXPECTED_RESPONSE', details: { status: 302 } },
    })
    const large = { id: '9', items: [], note: 'x'.repeat(1_100_000) }
    expect(await ask('place', large)).toMatchObject({ failure: { reason: 'BODY_TOO_LARGE' } })
  })

  test('may send what is allowed, and nothing else', { timeout: 60_000 }, async ({ skip }) => {
    needChromium(skip)
    const { ask, log } = await visit(origin => ({ origins: given => given === origin, headers: ['authorization'] }))
    expect(
      await ask('get', { id: '1' }, { outgoing: { authorization: 'Bearer x', 'x-request-id': 'r-7' } }),
    ).toMatchObject({ response: { note: 'authorized' } })
    expect(await ask('get', { id: '2' }, { outgoing: { 'x-other': '1' } })).toMatchObject({
      failure: { reason: 'CONNECTION_LOST' },
    })
    expect(log.calls).toEqual(['get 1'])
  })

  test('has its cookies along only where credentials are allowed', { timeout: 60_000 }, async ({ skip }) => {
    needChromium(skip)
    const { ask } = await visit(origin => ({ origins: [origin], credentials: true }))
    const credentials = 'include'
    expect(await ask('get', { id: '1' }, { credentials })).toMatchObject({ response: { note: 'no cookie' } })
    expect(await ask('get', { id: '2' }, { credentials })).toMatchObject({ response: { note: 'a; b=c' } })
    const other = await visit(origin => ({ origins: [origin] }))
    expect(await other.ask('get', { id: '1' }, { credentials })).toMatchObject({
      failure: { reason: 'CONNECTION_LOST' },
    })
  })

  test('that may not call reads nothing, and what needs a preflight never runs', { timeout: 60_000 }, async ({
    skip,
  }) => {
    needChromium(skip)
    const { ask, log } = await visit(() => ({ origins: ['https://app.example'] }))
    expect(await ask('place', { id: '8' })).toMatchObject({
      failure: { code: 'unavailable', reason: 'CONNECTION_LOST' },
    })
    expect(await ask('get', { id: '7' })).toMatchObject({ failure: { code: 'unavailable', reason: 'CONNECTION_LOST' } })
    expect(log.calls).toEqual([]) // tenon-timeout-ms needs a preflight, so that even a GET does not run
  })
})
