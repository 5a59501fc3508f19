/** The documentation that a server serves beside its calls: what is at its paths, and what is not. */
import { contract, implement, method } from 'tenon'
import { docs } from 'tenon/transport/http/docs'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { served } from './served.js'

const Echo = contract('t.Echo', {
  echo: method({
    request: z.object({ text: z.string() }),
    response: z.object({ text: z.string() }),
    idempotency: 'safe',
    http: { get: '/{text}' },
  }),
})
const echo = implement(Echo).handlers({ echo: request => request })

describe('beside its calls a server with docs', () => {
  test('serves the document of all its services', async () => {
    const { address } = await served([echo], { docs: docs({ version: '2.0.0' }) })
    const response = await fetch(`${address}/openapi.json?fresh`)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toMatchObject({
      info: { title: 't.Echo', version: '2.0.0' },
      paths: { '/{text}': {} },
    })
  })

  test('serves the page, with a policy that allows nothing from elsewhere', async () => {
    const { address } = await served([echo], { docs: docs({ title: 'A <b> & "c"' }) })
    const response = await fetch(`${address}/docs`)
    const text = await response.text()
    expect(text).toContain('<title>A &lt;b&gt; &amp; &quot;c&quot;</title>')
    expect(text).not.toMatch(/(src|href)="?(https?:)?\/\//)
    expect(text).not.toMatch(/<script>|<style|style=/)
    expect(response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self';/,
    )
    expect(response.headers.get('content-security-policy')).not.toContain('unsafe')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  })

  test('lets the page call the servers that it names, and only them', async () => {
    const servers = ['https://api.example.test/v1', '/v2']
    const { address } = await served([echo], { docs: docs({ servers }) })
    const policy = (await fetch(`${address}/docs`)).headers.get('content-security-policy')
    expect(policy).toContain("connect-src 'self' https://api.example.test;")
  })

  test.each([
    ['/docs/swagger-ui.css', 'text/css; charset=utf-8'],
    ['/docs/swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
    ['/docs/favicon-32x32.png', 'image/png'],
    ['/docs/start.js', 'text/javascript; charset=utf-8'],
  ])('serves %s once to a browser that keeps it', async (path, type) => {
    const { address } = await served([echo], { docs: docs() })
    const first = await fetch(address + path)
    expect(first.headers.get('content-type')).toBe(type)
    expect((await first.arrayBuffer()).byteLength).toBeGreaterThan(100)
    const etag = first.headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[\w-]{43}"$/)
    const again = await fetch(address + path, { headers: { 'if-none-match': `"other", W/${etag}` } })
    expect([again.status, await again.text(), again.headers.get('content-length')]).toEqual([304, '', null])
    const head = await fetch(address + path, { method: 'HEAD' })
    expect([head.status, head.headers.get('etag')]).toEqual([200, etag])
  })

  test('serves no other file of the viewer, nor what is above it', async () => {
    const { address } = await served([], { docs: docs({ contracts: [Echo] }) })
    for (const path of [
      'package.json',
      'swagger-initializer.js',
      '%2e%2e/package.json',
      'index.html',
      '..%2fpackage.json',
    ]) {
      expect((await fetch(`${address}/docs/${path}`)).status, path).toBe(404)
    }
  })

  test('leads from /docs/ to the page', async () => {
    const { address } = await served([echo], { docs: docs() })
    const response = await fetch(`${address}/docs/`)
    expect([response.status, response.url]).toEqual([200, `${address}/docs`])
  })

  test('links relatively, wherever the page is', async () => {
    const { address } = await served([], {
      docs: docs({ contracts: [Echo], page: '/internal/api/docs', document: '/api.json' }),
    })
    const text = await (await fetch(`${address}/internal/api/docs`)).text()
    expect(text).toContain('data-document="../../api.json"')
    expect(text).toContain('src="docs/start.js"')
    expect((await fetch(`${address}/internal/api/docs/start.js`)).status).toBe(200)
  })

  test('answers before a method whose pattern fits as well, and leaves it the rest', async () => {
    const { address } = await served([echo], { docs: docs() })
    expect((await fetch(`${address}/docs`)).headers.get('content-type')).toMatch(/^text\/html/)
    expect(await (await fetch(`${address}/docs2`)).json()).toEqual({ text: 'docs2' })
    expect((await fetch(`${address}/docs`, { method: 'POST' })).status).toBe(405)
  })

  test('serves the document alone where the page is false', async () => {
    const { address } = await served([], { docs: docs({ contracts: [Echo], page: false, document: '/api.json' }) })
    const statuses = ['/api.json', '/openapi.json', '/docs'].map(async path => (await fetch(address + path)).status)
    expect(await Promise.all(statuses)).toEqual([200, 404, 404])
  })
})

describe('docs refuses', () => {
  test.each(['docs', '/', '/docs/', '/a b', '/{x}', '//x'])('the path %s', path => {
    expect(() => docs({ page: path })).toThrow(new TypeError(`docs: '${path}' is not a path like /docs`))
    expect(() => docs({ document: path })).toThrow(TypeError)
  })

  test('two things at one path', async () => {
    expect(() => docs({ page: '/x', document: '/x' })).toThrow(/both at \/x/)
    const Taken = contract('t.Taken', {
      read: method({ request: z.object({}), response: z.object({}), idempotency: 'safe', http: { get: '/docs' } }),
    })
    const taken = implement(Taken).handlers({ read: () => ({}) })
    await expect(served([taken], { docs: docs() })).rejects.toThrow('docs: t.Taken/read is at /docs already')
  })

  test('to describe nothing', async () => {
    await expect(served([], { docs: docs() })).rejects.toThrow('docs: there is no service to describe: name contracts')
    const { address } = await served([], { docs: docs({ contracts: [Echo] }) })
    expect(await (await fetch(`${address}/openapi.json`)).json()).toMatchObject({ paths: { '/{text}': {} } })
  })
})
