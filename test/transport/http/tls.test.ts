/** The server and the clients over TLS: what is refused, why, and that nothing is left open; certificates change without a drop. */
import { once } from 'node:events'
import { createServer, connect as openSocket, type Socket } from 'node:net'
import { type ConnectionOptions, connect as openTls, type TLSSocket } from 'node:tls'
import { call, callOrThrow, connect } from 'tenon'
import type { AnyService, Listening } from 'tenon/contract'
import { type Failure, type Peer, systemClock } from 'tenon/core'
import { bindingHarness, conformanceTests, runConformance, transportConformance } from 'tenon/testkit'
import * as http from 'tenon/transport/http'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { alternativeNames } from '../../../src/transport/peer-certificate.js'
import { deep } from '../../deep.js'
import { certificate } from './certificates.js'
import { open, until } from './served.js'
import { newLog, Shop, shop } from './shop.js'

const ca = certificate({ name: 'test authority', isAuthority: true })
const local = certificate({ name: 'localhost', dns: ['localhost'], ips: ['127.0.0.1'], issuer: ca })
const stacks = ['undici', 'node'] as const
const day = 86_400_000

interface Secured {
  readonly address: string
  readonly port: number
  readonly listening: Listening
  readonly binding: http.HttpServerBinding
  readonly defects: unknown[]
}

async function secured(
  tls: Partial<http.TlsOptions> = {},
  {
    services = [shop()],
    ...options
  }: Partial<http.HttpServerOptions> & { readonly services?: readonly AnyService[] } = {},
): Promise<Secured> {
  const defects: unknown[] = []
  const report = { ok: true, checks: {} }
  const binding = http.server({ port: 0, tls: { ...local, ...tls }, ...options })
  const listening = await binding.listen(services, {
    onDefect: thrown => void defects.push(thrown),
    clock: systemClock,
    probes: { live: () => report, ready: () => report },
  })
  onTestFinished(() => listening.close())
  const [address = ''] = listening.addresses
  return { address, port: Number(new URL(address).port), listening, binding, defects }
}

function shopAt(binding: ReturnType<typeof http.client>) {
  return connect(Shop, binding)
}

function clientOf(address: string, options: http.HttpClientOptions = {}): ReturnType<typeof shopAt> {
  const binding = http.client(address, { tls: { ca: ca.cert }, ...options })
  onTestFinished(() => binding.close())
  return shopAt(binding)
}

async function failureOf(address: string, options: http.HttpClientOptions = {}): Promise<Failure> {
  const outcome = await call(clientOf(address, options).get, { id: '7' }, { deadlineMs: 20_000 })
  if (outcome._tag === 'Right') throw new Error('it was answered')
  return outcome.left as Failure
}

/** A handshake by hand. */
async function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = openTls({ port, host: '127.0.0.1', ca: ca.cert, ...options })
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {})
  await new Promise<unknown>(resolve => socket.once('secureConnect', resolve).once('close', resolve))
  return socket
}

/** A service that shows who called. */
function watching(): { readonly service: AnyService; readonly peers: Peer[] } {
  const peers: Peer[] = []
  const service = shop(newLog(), {
    get({ id }, { peer }) {
      peers.push(peer)
      return { id, items: [] }
    },
  })
  return { service, peers }
}

// Both keep it without TLS in each run: see conformance-http.
describe.each(deep(stacks.slice(0, 1), [...stacks]))('https with %s keeps the conformance suite', stack => {
  const binding = bindingHarness({
    name: `https with ${stack}`,
    server: () => http.server({ port: 0, tls: { ...local, handshakeTimeoutMs: 60_000 } }),
    client: address => http.client(address, { stack, connectTimeoutMs: 60_000, tls: { ca: ca.cert } }),
  })
  const harness = { ...binding, patienceMs: 60_000 } // a hundred handshakes at once take long on a busy machine
  // The first call loads the client's stack, which on a busy machine takes longer than a case may.
  beforeAll(() => runConformance(transportConformance.slice(0, 1), harness))
  for (const { name, run } of conformanceTests(transportConformance, harness)) test(name, { timeout: 120_000 }, run)
})

describe.each(stacks)('a call with %s', stack => {
  test('goes to an https address, and the handler knows that it was secure', async () => {
    const { service, peers } = watching()
    const { address, port } = await secured({}, { services: [service] })
    expect(address).toBe(`https://127.0.0.1:${port}`)
    expect(await callOrThrow(clientOf(address, { stack }).get, { id: '7' })).toEqual({ id: '7', items: [] })
    expect(peers).toEqual([{ address: '127.0.0.1', secure: true, host: `127.0.0.1:${port}` }])
  })

  test.for<[string, Parameters<typeof certificate>[0], string]>([
    [
      'has expired',
      {
        name: 'x',
        ips: ['127.0.0.1'],
        issuer: ca,
        from: new Date(Date.now() - 2 * day),
        until: new Date(Date.now() - day),
      },
      'CERT_HAS_EXPIRED',
    ],
    [
      'is not valid yet',
      {
        name: 'x',
        ips: ['127.0.0.1'],
        issuer: ca,
        from: new Date(Date.now() + day),
        until: new Date(Date.now() + 2 * day),
      },
      'CERT_NOT_YET_VALID',
    ],
    ['is for another host', { name: 'x', dns: ['elsewhere.example'], issuer: ca }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['comes from no authority', { name: 'x', ips: ['127.0.0.1'] }, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ])('to a server whose certificate %s was not made, and says why', async ([words, init, code]) => {
    const log = newLog()
    const { address } = await secured(certificate(init), { services: [shop(log)] })
    const failure = await failureOf(address, { stack })
    expect(failure).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_FAILED', ran: 'no' })
    expect(failure.message).toContain(words)
    expect(failure.message).toContain(code)
    expect(failure.cause).toMatchObject({ code })
    expect(log.calls).toEqual([])
  })

  test('can name the host that the certificate is for', async () => {
    const { address } = await secured(certificate({ name: 'x', dns: ['shop.internal'], issuer: ca }))
    const client = clientOf(address, { stack, tls: { ca: ca.cert, servername: 'shop.internal' } })
    expect(await callOrThrow(client.get, { id: '7' })).toEqual({ id: '7', items: [] })
  })

  test('over TLS to a plain port fails, ran: no', async () => {
    const listening = await http.server({ port: 0 }).listen([shop()], {
      onDefect: () => {},
      clock: systemClock,
      probes: { live: () => ({ ok: true, checks: {} }), ready: () => ({ ok: true, checks: {} }) },
    })
    onTestFinished(() => listening.close())
    const failure = await failureOf((listening.addresses[0] ?? '').replace('http:', 'https:'), { stack })
    expect(failure).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_FAILED', ran: 'no' })
    expect(failure.message).toContain('it does not speak TLS')
  })

  test('without TLS to a TLS port is told so', async () => {
    const { address, defects } = await secured()
    const failure = await failureOf(address.replace('https:', 'http:'), { stack, tls: undefined as never })
    expect(failure).toMatchObject({ code: 'invalid_argument', reason: 'MALFORMED_HTTP', ran: 'no' })
    expect(failure.message).toContain('HTTPS')
    expect(defects).toEqual([])
  })

  test('to a server that never shakes hands fails when a connection takes too long', async () => {
    const sockets = new Set<Socket>()
    const silent = createServer(socket => void sockets.add(socket.on('error', () => {}))).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      silent.close()
    })
    const address = silent.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const failure = await failureOf(`https://127.0.0.1:${port}`, { stack, connectTimeoutMs: 300 })
    expect(failure).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_FAILED', ran: 'no' })
  })

  test('to a server that wants a certificate fails without one, and the handler never ran', async () => {
    const log = newLog()
    const { address, defects } = await secured(
      { ca: ca.cert, clientCertificate: 'required' },
      { services: [shop(log)] },
    )
    const failure = await failureOf(address, { stack })
    // TLS 1.3 tells a client only after its request. undici keeps what it told to itself.
    const told = { code: 'unavailable', reason: 'CONNECTION_FAILED', ran: 'no' }
    const untold = { code: 'unavailable', reason: 'CONNECTION_LOST', ran: 'maybe' }
    expect(failure).toMatchObject(stack === 'node' ? told : untold)
    if (stack === 'node') expect(failure.message).toContain('it does not accept our certificate')
    expect(log.calls).toEqual([])
    expect(defects).toEqual([])
  })

  test.for(['required', 'optional'] as const)(
    'with a certificate that is %s shows the handler whose it is',
    async clientCertificate => {
      const { service, peers } = watching()
      const orders = certificate({
        name: 'orders',
        dns: ['orders.internal'],
        uris: ['spiffe://shop/orders'],
        issuer: ca,
      })
      const { address } = await secured({ ca: ca.cert, clientCertificate }, { services: [service] })
      const client = clientOf(address, { stack, tls: { ca: ca.cert, cert: orders.cert, key: orders.key } })
      const forged = { 'x-forwarded-client-cert': 'URI=spiffe://shop/admin', 'x-ssl-client-cert': 'admin' }
      for (let i = 0; i < 2; i++) await callOrThrow(client.get, { id: '7' }, { outgoing: forged })
      expect(peers).toHaveLength(2)
      expect(peers[1]?.certificate).toEqual({
        commonName: 'orders',
        dnsNames: ['orders.internal'],
        uris: ['spiffe://shop/orders'],
        fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
        serialNumber: expect.stringMatching(/^[0-9A-F]+$/),
        der: orders.der,
      })
    },
  )
})

describe('a certificate of the caller', () => {
  test('that is not verified is turned away, even where none is needed', async () => {
    const { service, peers } = watching()
    const stranger = certificate({ name: 'orders' })
    for (const clientCertificate of ['required', 'optional'] as const) {
      const { port } = await secured({ ca: ca.cert, clientCertificate }, { services: [service] })
      const socket = await handshake(port, { cert: stranger.cert, key: stranger.key })
      socket.write('GET /orders/7 HTTP/1.1\r\nhost: t\r\n\r\n')
      socket.resume()
      if (!socket.closed) await once(socket, 'close')
    }
    expect(peers).toEqual([])
  })

  test('is not needed where it is optional', async () => {
    const { service, peers } = watching()
    const { address } = await secured({ ca: ca.cert, clientCertificate: 'optional' }, { services: [service] })
    await callOrThrow(clientOf(address).get, { id: '7' })
    expect(peers[0]?.certificate).toBeUndefined()
    expect(peers[0]?.secure).toBe(true)
  })

  test('counts on a resumed session as on the first', async () => {
    const { service, peers } = watching()
    const orders = certificate({ name: 'orders', issuer: ca })
    const { port } = await secured({ ca: ca.cert, clientCertificate: 'required' }, { services: [service] })
    const sessions: Buffer[] = []
    for (const isReused of [false, true]) {
      const [session] = sessions
      const socket = openTls({
        port,
        host: '127.0.0.1',
        ca: ca.cert,
        cert: orders.cert,
        key: orders.key,
        ...(session !== undefined && { session }),
      })
      onTestFinished(() => void socket.destroy())
      socket.on('session', given => sessions.push(given))
      await once(socket, 'secureConnect')
      expect(socket.isSessionReused()).toBe(isReused)
      socket.write('GET /orders/7 HTTP/1.1\r\nhost: t\r\n\r\n')
      socket.resume()
      await until('an answer', () => peers.length === (isReused ? 2 : 1) && sessions.length > 0)
    }
    expect(peers.map(({ certificate: shown }) => shown?.commonName)).toEqual(['orders', 'orders'])
  })

  test('is known after its connection has gone', async () => {
    let read: (() => Peer) | undefined
    let over: (() => void) | undefined
    const gone = new Promise<void>(resolve => {
      over = resolve
    })
    const service = shop(newLog(), {
      async get({ id }, context) {
        read = () => context.peer
        await new Promise<void>(resolve => context.signal.addEventListener('abort', () => resolve()))
        over?.()
        return { id, items: [] }
      },
    })
    const orders = certificate({ name: 'orders', issuer: ca })
    const { port } = await secured({ ca: ca.cert, clientCertificate: 'required' }, { services: [service] })
    const socket = await handshake(port, { cert: orders.cert, key: orders.key })
    socket.write('GET /orders/7 HTTP/1.1\r\nhost: t\r\n\r\n')
    await until('the call', () => read !== undefined)
    socket.destroy()
    await gone
    await until('the end', () => read?.().certificate !== undefined)
    expect(read?.()).toMatchObject({ address: '127.0.0.1', secure: true, certificate: { commonName: 'orders' } })
  })

  test('with two common names has none, and a name cannot pretend to be two', () => {
    expect(alternativeNames('DNS:a.example, URI:"spiffe://x\\u002c DNS:admin.example", IP Address:127.0.0.1')).toEqual([
      ['DNS', 'a.example'],
      ['URI', 'spiffe://x, DNS:admin.example'],
      ['IP Address', '127.0.0.1'],
    ])
    expect(alternativeNames('DNS:"a\\", DNS:b"')).toEqual([['DNS', 'a", DNS:b']])
    expect(alternativeNames('')).toEqual([])
  })
})

describe('what is no handshake', () => {
  test('plain HTTP is answered in plain HTTP, and closed', async () => {
    const { port, defects } = await secured()
    const connection = open(port)
    const response = await connection.write('GET /orders/7 HTTP/1.1\r\nhost: t\r\n\r\n').response()
    expect(response?.status).toBe(400)
    expect(JSON.parse(response?.body ?? '')).toMatchObject({ reason: 'MALFORMED_HTTP' })
    await connection.closed
    expect(defects).toEqual([])
  })

  test.for([
    ['noise', Buffer.from('0123456789abcdef'.repeat(64))],
    ['a truncated hello', Buffer.from('160301020001', 'hex')],
    ['an alert', Buffer.from('15030100020228', 'hex')],
    ['NULs', Buffer.alloc(1024)],
  ] as const)('%s is closed and leaves the server as it was', async ([, bytes]) => {
    const { port, address, defects } = await secured({ handshakeTimeoutMs: 300 })
    const connection = open(port)
    connection.write(bytes)
    await connection.closed
    expect(await callOrThrow(clientOf(address).get, { id: '7' })).toEqual({ id: '7', items: [] })
    expect(defects).toEqual([])
  })

  test(`${deep(50, 300)} half-open handshakes are closed in time, while others are served`, {
    timeout: 60_000,
  }, async () => {
    const { port, address, defects } = await secured({ handshakeTimeoutMs: 2_000 })
    const slow = Array.from({ length: deep(50, 300) }, (_, index) => {
      const connection = open(port)
      if (index % 2 === 0) connection.write(Buffer.from('160301020001', 'hex'))
      return connection
    })
    const client = clientOf(address)
    let answered = 0
    while (slow.some(({ isClosed }) => !isClosed)) {
      await callOrThrow(client.get, { id: '7' })
      answered++
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    expect(answered).toBeGreaterThan(0)
    expect(defects).toEqual([])
  })

  test('does not keep a server from closing', async () => {
    const { port, listening } = await secured({ handshakeTimeoutMs: 60_000 })
    const connections = Array.from({ length: 5 }, () => open(port).write(Buffer.from('160301020001', 'hex')))
    const plain = openSocket({ port, host: '127.0.0.1' }).on('error', () => {})
    onTestFinished(() => void plain.destroy())
    await once(plain, 'connect')
    await handshake(port)
    await listening.close()
    await Promise.all(connections.map(({ closed }) => closed))
  })

  test('counts among the connections, of which there are no more than allowed', async () => {
    const { port } = await secured({ handshakeTimeoutMs: 60_000 }, { maxConnections: 2 })
    const held = [open(port), open(port)]
    await Promise.all(held.map(({ socket }) => once(socket, 'connect')))
    const third = open(port)
    await third.closed
    expect(held.map(({ isClosed }) => isClosed)).toEqual([false, false])
  })

  test('an old version of TLS is none', async () => {
    const { port } = await secured({ minVersion: 'TLSv1.3' })
    const socket = await handshake(port, { maxVersion: 'TLSv1.2' })
    expect(socket.destroyed).toBe(true)
    const { port: other } = await secured()
    expect(
      (await handshake(other, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' })).destroyed,
    ).toBe(true)
    expect((await handshake(other, { maxVersion: 'TLSv1.2' })).getProtocol()).toBe('TLSv1.2')
  })

  test('limits hold over TLS: headers that drip in end with 408', async () => {
    const { port } = await secured({}, { headersTimeoutMs: 300, checkIntervalMs: 100 })
    const socket = await handshake(port)
    let text = ''
    socket.on('data', chunk => {
      text += chunk
    })
    socket.write('GET /orders/7 HTTP/1.1\r\nx-a: ')
    await once(socket, 'close')
    expect(text).toMatch(/^HTTP\/1.1 408 /)
  })
})

describe('renewal', () => {
  const renewed = certificate({ name: 'renewed', ips: ['127.0.0.1'], issuer: ca })

  test('is for new connections, and drops none that is open', async () => {
    const { port, binding } = await secured()
    const before = await handshake(port)
    binding.renewTls(renewed)
    const after = await handshake(port)
    expect([before, after].map(socket => socket.getPeerX509Certificate()?.toLegacyObject().subject)).toMatchObject([
      { CN: 'localhost' },
      { CN: 'renewed' },
    ])
    for (const socket of [before, after]) {
      socket.write('GET /orders/7 HTTP/1.1\r\nhost: t\r\n\r\n')
      const [answer] = (await once(socket, 'data')) as [Buffer]
      expect(String(answer)).toMatch(/^HTTP\/1.1 200 /)
    }
  })

  test('with what does not fit changes nothing', async () => {
    const { port, binding } = await secured()
    expect(() => binding.renewTls({ key: renewed.key, cert: local.cert })).toThrow(TypeError)
    expect(() => binding.renewTls({ key: '', cert: renewed.cert })).toThrow(TypeError)
    expect(() => binding.renewTls({ key: 'x', cert: 'y' })).toThrow(TypeError)
    expect((await handshake(port)).getPeerX509Certificate()?.subject).toBe('CN=localhost')
  })

  test('asks for certificates as before', async () => {
    const { address, binding } = await secured({ ca: ca.cert, clientCertificate: 'required' })
    binding.renewTls(renewed)
    expect(await failureOf(address, { stack: 'node' })).toMatchObject({ reason: 'CONNECTION_FAILED', ran: 'no' })
  })

  test('needs tls', () => {
    expect(() => http.server({ port: 0 }).renewTls(renewed)).toThrow(TypeError)
  })
})

describe('names', () => {
  const other = certificate({ name: 'other', dns: ['other.example'], issuer: ca })
  const commonName = (socket: TLSSocket): string | undefined => socket.getPeerX509Certificate()?.subject

  test('choose the identity; for a name that is not known it is the first', async () => {
    const asked: string[] = []
    const { port } = await secured({
      sni(name) {
        asked.push(name)
        return name === 'other.example' ? other : undefined
      },
    })
    expect(commonName(await handshake(port, { servername: 'Other.Example' }))).toBe('CN=other')
    expect(commonName(await handshake(port, { servername: 'localhost' }))).toBe('CN=localhost')
    expect(commonName(await handshake(port))).toBe('CN=localhost')
    expect(asked).toEqual(['other.example', 'localhost'])
  })

  test.for<[string, NonNullable<http.TlsOptions['sni']>]>([
    [
      'throws',
      () => {
        throw new Error('no such name')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('no such name')
      },
    ],
    ['gives a key that does not fit', () => ({ key: other.key, cert: local.cert })],
    ['gives nonsense', () => 7 as never],
  ])('one whose lookup %s closes that connection alone, and is reported', async ([, sni]) => {
    const { port, defects } = await secured({ sni })
    expect((await handshake(port, { servername: 'localhost' })).authorized).toBe(false)
    expect(defects).toHaveLength(1)
    expect(commonName(await handshake(port))).toBe('CN=localhost')
  })

  test('one whose lookup never ends is closed in time', async () => {
    const { port } = await secured({ handshakeTimeoutMs: 200, sni: () => new Promise(() => {}) })
    const socket = await handshake(port, { servername: 'localhost' })
    expect(socket.authorized).toBe(false)
  })

  test('callers are verified whatever the name', async () => {
    const { service, peers } = watching()
    const { port } = await secured(
      { ca: ca.cert, clientCertificate: 'required', sni: () => other },
      { services: [service] },
    )
    const stranger = certificate({ name: 'orders' })
    const turned = await handshake(port, { servername: 'other.example', cert: stranger.cert, key: stranger.key })
    turned.write('GET /orders/7 HTTP/1.1\r\nhost: t\r\n\r\n')
    turned.resume()
    if (!turned.closed) await once(turned, 'close')
    expect(peers).toEqual([])
    const orders = certificate({ name: 'orders', issuer: ca })
    const socket = await handshake(port, { servername: 'other.example', cert: orders.cert, key: orders.key })
    socket.write('GET /orders/7 HTTP/1.1\r\nhost: t\r\n\r\n')
    await until('the call', () => peers.length === 1)
    expect(peers[0]?.certificate?.commonName).toBe('orders')
  })
})

describe('a mistake in the options', () => {
  test.for<[string, Partial<http.TlsOptions>]>([
    ['key and a cert', { key: '' }],
    ['key and a cert', { cert: undefined as never }],
    ['tls', { key: 'no key' }],
    ['tls', { cert: 'no certificate' }],
    ['tls', { key: ca.key }],
    ['needs tls.ca', { clientCertificate: 'required' }],
    ['needs tls.ca', { clientCertificate: 'optional', ca: [] }],
    ['clientCertificate', { clientCertificate: true as never }],
    ['minVersion', { minVersion: 'TLSv1' as never }],
    ['handshakeTimeoutMs', { handshakeTimeoutMs: 0 }],
  ])('of the server is refused: %s %j', ([message, tls]) => {
    expect(() => http.server({ port: 0, tls: { ...local, ...tls } })).toThrow(message)
  })

  test('of the client is refused', () => {
    const tls = { cert: local.cert, key: local.key }
    expect(() => http.client('http://127.0.0.1:1', { tls })).toThrow('https:')
    expect(() => http.client('https://127.0.0.1:1', { tls: { cert: local.cert } })).toThrow('its key')
    expect(() => http.client('https://127.0.0.1:1', { tls: { cert: local.cert, key: ca.key } })).toThrow(TypeError)
    expect(() => http.client('https://127.0.0.1:1', { tls: { ca: 'no certificate' } })).not.toThrow(RangeError)
  })
})
