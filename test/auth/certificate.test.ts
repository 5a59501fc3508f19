/** Who calls by the certificate that is shown, over real TLS: known, unknown, of others, over, and through proxies that have one of their own. */
import { request } from 'node:https'
import { contract, implement, method } from 'tenon'
import { authenticate, certificate as shown } from 'tenon/auth'
import { serve } from 'tenon/lifecycle'
import * as http from 'tenon/transport/http'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { type Certificate, certificate } from '../transport/http/certificates.js'

const Me = contract('test.v1.Me', {
  get: method({
    request: z.object({}),
    response: z.object({ id: z.string() }),
    idempotency: 'safe',
    http: { get: '/me' },
  }),
  set: method({
    request: z.object({}),
    response: z.object({ id: z.string() }),
    idempotency: 'unsafe',
    http: { post: '/me' },
  }),
})

const day = 86_400_000
const at = (days: number): Date => new Date(Date.now() + days * day)
const ca = certificate({ name: 'the authority', isAuthority: true })
const otherCa = certificate({ name: 'the authority', isAuthority: true })
const server = certificate({ name: 'localhost', ips: ['127.0.0.1'], issuer: ca })
const uris = ['spiffe://shop/orders']
const orders = certificate({ name: 'orders', uris, issuer: ca })

interface Served {
  readonly port: number
  /** The URIs of those who were asked about. */
  readonly asked: (readonly string[])[]
}

async function served(
  clientCertificate: 'required' | 'optional',
  options: Partial<http.HttpServerOptions> = {},
): Promise<Served> {
  const asked: (readonly string[])[] = []
  const scheme = shown({
    identify(certificate) {
      asked.push(certificate.uris)
      return certificate.uris.includes('spiffe://shop/orders') ? { id: 'orders' } : undefined
    },
  })
  const service = implement(Me)
    .use(authenticate(scheme))
    .handlers({ get: (_, { principal }) => principal, set: (_, { principal }) => principal })
  const tls = { key: server.key, cert: server.cert, ca: ca.cert, clientCertificate }
  const running = await serve([service], [http.server({ port: 0, tls, ...options })], { signals: false })
  onTestFinished(() => running.close())
  return { port: Number(new URL(running.addresses[0] ?? '').port), asked }
}

/** What a caller is told; the code of Node where that is that there is no connection. */
function ask(
  port: number,
  own: Certificate | undefined,
  { method = 'GET', headers = {} }: { readonly method?: string; readonly headers?: Record<string, string> } = {},
): Promise<{ readonly status: number; readonly body: object } | string> {
  return new Promise(resolve => {
    const options = { host: '127.0.0.1', port, path: '/me', method, headers, ca: ca.cert, agent: false } as const
    const asking = request({ ...options, ...(own && { cert: own.cert, key: own.key }) }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', part => {
        text += part
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: { ...JSON.parse(text), challenge: response.headers['www-authenticate'] },
        }),
      )
    })
    asking.on('error', error => resolve(String(Reflect.get(error, 'code'))))
    asking.end()
  })
}

const known = { status: 200, body: { id: 'orders' } }
const unknown = {
  status: 401,
  body: { reason: 'CREDENTIALS_REJECTED', detail: 'the credentials are not accepted', challenge: undefined },
}
const missing = { status: 401, body: { reason: 'CREDENTIALS_MISSING', challenge: undefined } }

test.each<[whose: string, own: Certificate | undefined, told: object]>([
  ['one that is known', orders, known],
  ['one of nobody known here', certificate({ name: 'orders', uris: ['spiffe://shop/billing'], issuer: ca }), unknown],
  ['one whose common name alone is right', certificate({ name: 'spiffe://shop/orders', issuer: ca }), unknown],
  [
    'one whose DNS name is a URI that would be right',
    certificate({ name: 'orders', dns: ['a, URI:spiffe://shop/orders'], issuer: ca }),
    unknown,
  ],
  ['none', undefined, missing],
])('a caller with %s is told so', async (_, own, told) => {
  const { port } = await served('optional')
  expect(await ask(port, own)).toMatchObject(told)
})

test.each<[whose: string, own: Certificate]>([
  ['of an authority of the same name', certificate({ name: 'orders', uris, issuer: otherCa })],
  ['signed by itself', certificate({ name: 'orders', uris })],
  ['that is over', certificate({ name: 'orders', uris, from: at(-2), until: at(-1), issuer: ca })],
  ['that has not begun', certificate({ name: 'orders', uris, from: at(1), until: at(2), issuer: ca })],
  ['signed by a caller who is no authority', certificate({ name: 'orders', uris, issuer: orders })],
])('a certificate %s has no call, whether one is required or not, and nobody is asked whose it is', async (_, own) => {
  for (const kind of ['required', 'optional'] as const) {
    const { port, asked } = await served(kind)
    expect(await ask(port, own)).toBeTypeOf('string')
    expect(asked).toEqual([])
    expect(await ask(port, orders)).toMatchObject(known) // and the server goes on
  }
})

test('where one is required, who has none has no call', async () => {
  const { port, asked } = await served('required')
  expect(await ask(port, undefined)).toBeTypeOf('string')
  expect(asked).toEqual([])
})

const claims = {
  'x-forwarded-client-cert': `By=spiffe://shop/me;URI=${uris[0]}`,
  'x-ssl-client-cert': encodeURIComponent(orders.cert),
  'client-cert': `:${orders.der.toString('base64')}:`,
  'ssl-client-verify': 'SUCCESS',
  'ssl-client-s-dn': 'CN=orders',
}

test('what a caller writes into headers stands for no certificate', async () => {
  const { port, asked } = await served('optional')
  expect(await ask(port, undefined, { headers: claims })).toMatchObject(missing)
  const billing = certificate({ name: 'billing', uris: ['spiffe://shop/billing'], issuer: ca })
  expect(await ask(port, billing, { headers: claims })).toMatchObject(unknown)
  expect(asked).toEqual([['spiffe://shop/billing']])
})

test('behind a trusted proxy nobody is known by the proxy’s certificate, nor by what the proxy passes on', async () => {
  const { port, asked } = await served('required', { trustedProxies: ['127.0.0.0/8'] })
  const headers = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https', ...claims }
  expect(await ask(port, orders, { headers })).toMatchObject(missing)
  expect(asked).toEqual([])
  // Who is trusted and says of nobody else that they called, calls for itself.
  const { port: direct } = await served('required', { trustedProxies: ['10.0.0.0/8'] })
  expect(await ask(direct, orders, { headers })).toMatchObject(known)
})

test('a page of another site cannot use the certificate that its visitor’s browser has', async () => {
  const { port } = await served('optional')
  const elsewhere = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  const refused = { status: 403, body: { reason: 'CROSS_SITE_REQUEST' } }
  expect(await ask(port, orders, { method: 'POST', headers: elsewhere })).toMatchObject(refused)
  expect(await ask(port, orders, { method: 'POST' })).toMatchObject(known)
})
