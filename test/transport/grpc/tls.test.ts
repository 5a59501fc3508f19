/** gRPC over TLS: who is trusted, who shows a certificate, and what a handler learns of it. */
import * as grpcJs from '@grpc/grpc-js'
import { call, connect, contract, type Failure, implement, isFailure, method, type Peer } from 'tenon'
import { authenticate, certificate as shown } from 'tenon/auth'
import { type Running, serve } from 'tenon/lifecycle'
import * as grpc from 'tenon/transport/grpc'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { certificate } from '../http/certificates.js'
import { bound } from './bound.js'

const Who = contract('test.v1.Who', {
  ask: method({ request: z.object({}), response: z.object({ name: z.string() }), idempotency: 'safe' }),
})
const authority = certificate({ name: 'the authority', isAuthority: true })
const served = certificate({ name: 'server', ips: ['127.0.0.1'], dns: ['localhost'], issuer: authority })
const caller = certificate({ name: 'orders', uris: ['spiffe://shop/orders'], issuer: authority })
const stranger = certificate({ name: 'stranger' })

let seen: Peer | undefined
const who = implement(Who).handlers({
  ask(_, { peer }) {
    seen = peer
    return { name: peer.certificate?.commonName ?? '' }
  },
})

let running: Running | undefined
afterEach(async () => {
  await running?.close()
  seen = undefined
})

async function serving(tls: Partial<NonNullable<grpc.GrpcServerOptions['tls']>>) {
  const binding = grpc.server({ port: 0, tls: { key: served.key, cert: served.cert, ...tls } })
  running = await serve([who], [binding], { signals: false })
  return { address: running.addresses[0] ?? '', binding }
}

async function asking(address: string, tls: grpc.TlsClientOptions): Promise<string | Failure> {
  const binding = grpc.client(address, { tls, maxReconnectDelayMs: 100 })
  const outcome = await call(connect(Who, binding).ask, {}, { deadlineMs: 10_000 })
  await binding.close()
  if (outcome._tag === 'Right') return outcome.right.name
  return isFailure(outcome.left) ? outcome.left : expect.fail('no failure is declared')
}

const trusting = { ca: authority.cert }

test('a caller is secure, and unknown without a certificate', async () => {
  const { address } = await serving({})
  expect(address).toMatch(/^grpcs:\/\/127\.0\.0\.1:/)
  expect(await asking(address, trusting)).toBe('')
  expect(seen).toMatchObject({ secure: true, address: '127.0.0.1' })
})

test('a certificate that was verified is who calls', async () => {
  const { address } = await serving({ ca: authority.cert, clientCertificate: 'required' })
  expect(await asking(address, { ...trusting, cert: caller.cert, key: caller.key })).toBe('orders')
  expect(seen?.certificate).toMatchObject({ uris: ['spiffe://shop/orders'] })
})

const hours = (count: number): Date => new Date(Date.now() + count * 3_600_000)
const over = certificate({ name: 'orders', from: hours(-2), until: hours(-1), issuer: authority })
const early = certificate({ name: 'orders', from: hours(1), until: hours(2), issuer: authority })
const other = certificate({ name: 'the authority', isAuthority: true })
const others = certificate({ name: 'orders', uris: ['spiffe://shop/orders'], issuer: other })

test.each([
  ['none', {}],
  ['one of nobody that is trusted', { cert: stranger.cert, key: stranger.key }],
  ['one of an authority of the same name', { cert: others.cert, key: others.key }],
  ['one that is over', { cert: over.cert, key: over.key }],
  ['one that has not begun', { cert: early.cert, key: early.key }],
])('where a certificate is required, a caller with %s is turned away', async (_, shown) => {
  const { address } = await serving({ ca: authority.cert, clientCertificate: 'required' })
  expect(await asking(address, { ...trusting, ...shown })).toMatchObject({
    code: 'unavailable',
    reason: expect.stringMatching(/^CONNECTION_/),
  })
  expect(seen).toBeUndefined()
})

test('a server that nobody vouches for is not called', async () => {
  const { address } = await serving({})
  expect(await asking(address, { ca: stranger.cert })).toMatchObject({ reason: 'CONNECTION_FAILED', ran: 'no' })
})

test('a server is called by the name that its certificate has', async () => {
  const { address } = await serving({})
  expect(await asking(address, { ...trusting, servername: 'localhost' })).toBe('')
  expect(await asking(address, { ...trusting, servername: 'elsewhere' })).toMatchObject({
    reason: 'CONNECTION_FAILED',
    ran: 'no',
  })
})

test('a certificate can be renewed while the server runs', async () => {
  const { address, binding } = await serving({})
  const other = certificate({ name: 'another authority', isAuthority: true })
  const renewed = certificate({ name: 'server', ips: ['127.0.0.1'], issuer: other })
  binding.renewTls({ key: renewed.key, cert: renewed.cert })
  expect(await asking(address, { ca: other.cert })).toBe('')
  expect(await asking(address, trusting)).toMatchObject({ reason: 'CONNECTION_FAILED' })
})

test('a client without TLS is not understood', async () => {
  const { address } = await serving({})
  const binding = grpc.client(address.replace('grpcs:', 'grpc:'), { maxReconnectDelayMs: 100 })
  const outcome = await call(connect(Who, binding).ask, {}, { deadlineMs: 10_000 })
  expect(outcome).toMatchObject({ _tag: 'Left', left: { code: 'unavailable' } })
  await binding.close()
})

test('TLS that cannot work is refused at once', () => {
  expect(() => grpc.server({ port: 0, tls: { key: caller.key, cert: served.cert } })).toThrow(/tls/)
  expect(() => grpc.client('grpc://127.0.0.1:1', { tls: trusting })).toThrow(/only for targets with grpcs/)
  expect(() => grpc.client('grpcs://127.0.0.1:1', { tls: { cert: served.cert } })).toThrow(/a cert and its key/)
  expect(() => grpc.client('ftp://127.0.0.1:1')).toThrow(/the target/)
})

describe('grpc-js itself', () => {
  const path = '/test.v1.Who/Ask'
  const same = (bytes: Buffer): Buffer => bytes
  const named = (name: string): Buffer => Buffer.concat([Buffer.from([10, name.length]), Buffer.from(name)])
  const pem = ({ cert, key }: { readonly cert: string; readonly key: string }) => ({
    cert: Buffer.from(cert),
    key: Buffer.from(key),
  })

  function ask(address: string, credentials: grpcJs.ChannelCredentials): Promise<Buffer | grpcJs.ServiceError> {
    const native = new grpcJs.Client(address.replace('grpcs://', ''), credentials, {
      'grpc.ssl_target_name_override': 'localhost', // a server has no name that is an address (RFC 6066)
    })
    const deadline = Date.now() + 10_000
    return new Promise<Buffer | grpcJs.ServiceError>(resolve =>
      native.makeUnaryRequest(path, same, same, Buffer.alloc(0), { deadline }, (error, value = Buffer.alloc(0)) =>
        resolve(error ?? value),
      ),
    ).finally(() => native.close())
  }

  test('calls with its certificate, by which authenticate knows it', async () => {
    const scheme = shown({
      identify: ({ uris }) => (uris.includes('spiffe://shop/orders') ? { id: 'orders' } : undefined),
    })
    const known = implement(Who)
      .use(authenticate(scheme))
      .handlers({ ask: (_, { principal }) => ({ name: principal.id }) })
    const tls = { key: served.key, cert: served.cert, ca: authority.cert, clientCertificate: 'required' } as const
    running = await serve([known], [grpc.server({ port: 0, tls })], { signals: false })
    const [address = ''] = running.addresses
    const ca = Buffer.from(authority.cert)
    const good = pem(caller)
    expect(await ask(address, grpcJs.credentials.createSsl(ca, good.key, good.cert))).toEqual(named('orders'))
    const another = pem(certificate({ name: 'billing', uris: ['spiffe://shop/billing'], issuer: authority }))
    expect(await ask(address, grpcJs.credentials.createSsl(ca, another.key, another.cert))).toMatchObject({
      code: grpcJs.status.UNAUTHENTICATED,
    })
    expect(await ask(address, grpcJs.credentials.createSsl(ca))).toMatchObject({ code: grpcJs.status.UNAVAILABLE })
  })

  test('is called with our certificate, and refuses us without one', async () => {
    const { key, cert } = pem(served)
    const server = new grpcJs.Server()
    server.register<Buffer, Buffer>(
      path,
      (called: grpcJs.ServerUnaryCall<Buffer, Buffer>, respond: grpcJs.sendUnaryData<Buffer>) =>
        respond(null, named(String(called.getAuthContext().sslPeerCertificate?.subject.CN))),
      same,
      same,
      'unary',
    )
    const required = grpcJs.ServerCredentials.createSsl(
      Buffer.from(authority.cert),
      [{ private_key: key, cert_chain: cert }],
      true,
    )
    const address = `grpcs://${await bound(server, required)}`
    expect(await asking(address, { ...trusting, cert: caller.cert, key: caller.key })).toBe('orders')
    expect(await asking(address, trusting)).toMatchObject({ code: 'unavailable' })
    server.forceShutdown()
  })
})
