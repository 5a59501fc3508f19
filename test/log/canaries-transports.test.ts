/** The same over gRPC and NATS, from clients of other makers: a secret in metadata, messages and what goes wrong is in nothing that is written. */
import { inspect } from 'node:util'
import * as grpcJs from '@grpc/grpc-js'
import * as library from 'nats'
import { call, chain, connect } from 'tenon'
import type { ClientBinding, ServerBinding } from 'tenon/contract'
import * as grpc from 'tenon/transport/grpc'
import * as nats from 'tenon/transport/nats'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasNats, needNats, startNats } from '../integration/nats.js'
import { Canaries, gathered, untold } from './canaries.js'

/** What is sent: the fields of a login, or bytes that are none. */
interface Sent {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly fields?: Readonly<Record<'user' | 'password' | 'says', string>> | object
  readonly bytes?: Buffer
}

/** How it ended, `ok` or a code, and all that was said. */
interface Told {
  readonly code: string
  readonly text: string
}

interface Stranger {
  ask(sent: Sent): Promise<Told>
  close(): Promise<void>
}

interface Transport {
  readonly name: string
  readonly isThere: boolean
  need(skip: (reason: string) => void): void
  open(): Promise<{ readonly server: ServerBinding; close(): Promise<void> }>
  client(address: string): Promise<ClientBinding>
  stranger(address: string): Promise<Stranger>
}

const overGrpc: Transport = {
  name: 'gRPC',
  isThere: true,
  need: () => {},
  open: async () => ({ server: grpc.server({ port: 0 }), close: async () => {} }),
  client: async address => grpc.client(address),
  async stranger(address) {
    const client = new grpcJs.Client(address.replace('grpc://', ''), grpcJs.credentials.createInsecure())
    const same = (bytes: Buffer): Buffer => bytes
    // google.protobuf.Struct, of texts.
    const field = (number: number, bytes: Buffer): Buffer =>
      Buffer.concat([Buffer.of((number << 3) | 2, (bytes.length & 0x7f) | 0x80, bytes.length >> 7), bytes])
    const encoded = (fields: object): Buffer =>
      Buffer.concat(
        Object.entries(fields).map(([name, text]) => {
          const value = field(2, field(3, Buffer.from(String(text))))
          return field(1, Buffer.concat([field(1, Buffer.from(name)), value]))
        }),
      )
    return {
      ask({ method = 'login', headers = {}, fields = {}, bytes = encoded(fields) }) {
        const metadata = new grpcJs.Metadata()
        for (const [name, value] of Object.entries(headers))
          metadata.add(name, name.endsWith('-bin') ? Buffer.from(value) : value)
        const path = `/test.v1.Canaries/${method[0]?.toUpperCase()}${method.slice(1)}`
        const options = { deadline: Date.now() + 30_000 }
        let received = ''
        const said = ({ code, details, metadata: told }: grpcJs.StatusObject): Told => ({
          code: code === grpcJs.status.OK ? 'ok' : (grpcJs.status[code] ?? '').toLowerCase(),
          text: `${received} ${details} ${Object.values(told.getMap()).map(value => value.toString('latin1'))}`,
        })
        return new Promise(resolve => {
          const asking =
            method === 'watch'
              ? client.makeServerStreamRequest(path, same, same, bytes, metadata, options)
              : client.makeUnaryRequest(path, same, same, bytes, metadata, options, () => {})
          asking.on('metadata', (given: grpcJs.Metadata) => {
            received += JSON.stringify(given.getMap())
          })
          asking.on('status', (status: grpcJs.StatusObject) => resolve(said(status)))
          asking.on('error', () => {})
          asking.on('data', (data: Buffer) => {
            received += data.toString('latin1')
          })
        })
      },
      close: async () => client.close(),
    }
  },
}

const overNats: Transport = {
  name: 'NATS',
  isThere: hasNats,
  need: needNats,
  async open() {
    const broker = await startNats()
    const connection = await library.connect({ servers: `127.0.0.1:${broker.port}` })
    const close = async (): Promise<void> => {
      await connection.close()
      await broker.stop()
    }
    port = broker.port
    return { server: nats.server(connection), close }
  },
  async client() {
    const connection = await library.connect({ servers: `127.0.0.1:${port}` })
    const binding = nats.client(connection)
    const close = async (): Promise<void> => {
      await binding.close()
      await connection.close()
    }
    return { name: binding.name, peer: binding.peer, method: spec => binding.method(spec), close }
  },
  async stranger() {
    const connection = await library.connect({ servers: `127.0.0.1:${port}` })
    return {
      async ask({ method = 'login', headers = {}, fields = {}, bytes = Buffer.from(JSON.stringify(fields)) }) {
        const sent = library.headers()
        for (const [name, value] of Object.entries(headers)) sent.append(name, value)
        const answer = await connection
          .request(`test.v1.Canaries.${method}`, bytes, { headers: sent, timeout: 30_000 })
          .catch((thrown: library.NatsError) => thrown)
        if (answer instanceof Error) return { code: 'nobody', text: '' }
        const text = Buffer.from(answer.data).toString()
        const { code = 'ok' } = JSON.parse(text)
        return { code, text: `${text} ${[...(answer.headers ?? [])]}` }
      },
      close: () => connection.close(),
    }
  },
}
let port = 0

const header = (name: string, value: string): Sent => ({ headers: { [name]: value } })
/** A secret that nothing tells from other data: no part of Tenon shows it, a program that logs all its input would. */
const anonymous = (name: string, value: string): Sent => ({ headers: { [name]: value, [untold]: '1' } })
const jwt = (secret: string): string => `eyJhbGciOiJub25lIn0.${Buffer.from(secret).toString('base64url')}.${secret}`
const says = (says: string, password: string, headers: Record<string, string> = {}): Sent => ({
  fields: { password, says },
  headers,
})

type Place = readonly [place: string, sent: (secret: string) => Sent, code?: string]

/** Where the secret is, how it is sent, and what comes back. */
const places: readonly Place[] = [
  ['a bearer token', s => header('authorization', `Bearer ${s}`)],
  ['basic credentials', s => header('authorization', `Basic ${Buffer.from(`ada:${s}`).toString('base64')}`)],
  ['credentials of another scheme', s => header('authorization', `Custom key=${s}, more=${s}`)],
  ['the credentials for a proxy', s => header('proxy-authorization', `Digest ${s}`)],
  ['an API key', s => header('x-api-key', s)],
  ['a session cookie', s => header('cookie', `theme=dark; sid=${s}`)],
  ['any cookie', s => header('cookie', `a=${s}`)],
  ['a cookie to be set', s => header('set-cookie', `a=${s}`)],
  ['a token in metadata', s => header('x-auth-token', s)],
  ['a token against forgery', s => header('x-csrf-token', s)],
  ['a signature', s => header('x-hub-signature', s)],
  ['an idempotency key', s => header('idempotency-key', s)],
  ['a bearer token in another entry', s => header('x-forwarded-as', `Bearer ${s}`)],
  ['a JWT in another entry', s => header('x-user', jwt(s))],
  ['a URL in an entry', s => header('x-next', `http://localhost/?access_token=${s}`)],
  ['a connection string in an entry', s => header('x-db', `postgres://app:${s}@db/x`)],
  ['two credentials', s => header('authorization', `Bearer ${s}, Bearer ${s}`)],
  ['an entry that is no text', s => anonymous('x-token-bin', s)],
  ['the name of an entry', s => anonymous(`x-${s}`, '1')],
  ['an entry’s name that a program logs', s => ({ headers: { 'x-fine': '1', [untold]: '1', [`x-${s}-token`]: '1' } })],
  ['a trace', s => anonymous('traceparent', s)],
  ["a tracer's state", s => anonymous('tracestate', `v=${s}`)],
  ['a trace of Zipkin', s => anonymous('b3', s)],
  ['a trace of SkyWalking', s => anonymous('sw8', s)],
  ['baggage', s => header('baggage', `user=ada,token=${s}`)],
  ['a password', s => ({ fields: { password: s } })],
  ['a connection string', s => ({ fields: { user: `postgres://app:${s}@db/x` } })],
  ['JSON in a text', s => ({ fields: { user: JSON.stringify({ password: s }) } })],
  ['a bearer token in a text', s => ({ fields: { user: `Bearer ${s}` } })],
  ['a password that does not fit', s => ({ fields: { password: `${s} NO` } }), 'invalid_argument'],
  ['a message that is none', s => ({ bytes: Buffer.from(`{"password": "${s}`) }), 'invalid_argument'],
  ['a message that repeats it', s => says('message', s), 'unauthenticated'],
  ['a message that repeats an entry', s => says('message', '', { authorization: `Bearer ${s}` }), 'unauthenticated'],
  ['causes that repeat it', s => says('cause', '', { 'x-api-key': s }), 'internal'],
  ["a library's message", s => says('library', s), 'unavailable'],
  ['the text of a defect', s => says('defect', s), 'internal'],
  ['a failure that is thrown', s => says('thrown', s), 'invalid_argument'],
]
const ofGrpc: readonly Place[] = [
  ['a method that there is not', s => ({ method: s }), 'unimplemented'],
  ['a deadline', s => anonymous('tenon-timeout-ms', s)],
  ['a failure in the middle of a stream', s => ({ method: 'watch', ...says('thrown', s) }), 'invalid_argument'],
  ['a defect in the middle of a stream', s => ({ method: 'watch', ...says('defect', s) }), 'internal'],
]
const ofNats: readonly Place[] = [
  ['a method that there is not', s => ({ method: s }), 'unimplemented'],
  ['a deadline', s => anonymous('tenon-timeout-ms', s), 'invalid_argument'],
  ['an attempt', s => anonymous('tenon-attempt', s), 'invalid_argument'],
  ['a field that there is not', s => ({ fields: { 'client-secret': s, deep: [{ apiKey: s }] } })],
  ['a list of tokens', s => ({ fields: { tokens: [s, { a: s }] } })],
  ['a password of another type', s => ({ fields: { password: [s] } }), 'invalid_argument'],
]

const cases = [
  { transport: overGrpc, all: [...places, ...ofGrpc] },
  { transport: overNats, all: [...places, ...ofNats] },
]

describe.each(cases)('over $transport.name a secret that is', ({ transport, all }) => {
  let opened: Awaited<ReturnType<Transport['open']>>
  let process: Awaited<ReturnType<typeof gathered>>
  let stranger: Stranger
  let told = 0
  beforeAll(async () => {
    if (!transport.isThere) return
    opened = await transport.open()
    process = await gathered(opened.server)
    stranger = await transport.stranger(process.addresses[0] ?? '')
  }, 60_000)
  afterAll(async () => {
    await stranger?.close()
    await process?.close()
    await opened?.close()
  })

  const foundIn = async (secret: string): Promise<readonly string[]> =>
    (await process.written()).filter(([, text]) => text.includes(secret)).map(([name]) => name)

  test.for(all)('%s appears nowhere', async ([, sent, code = 'ok'], { skip }) => {
    transport.need(skip)
    const secret = `canary-${++told}-f00d`
    const answer = await stranger.ask(sent(secret))
    expect(answer).toMatchObject({ code })
    expect(answer.text).not.toContain(secret)
    expect(await foundIn(secret)).toEqual([])
  })

  test("in a domain failure's details appears in the answer alone", async ({ skip }) => {
    transport.need(skip)
    const answer = await stranger.ask(says('domain', 'canary-domain-f00d'))
    expect(answer).toMatchObject({ code: 'failed_precondition', text: expect.stringContaining('canary-domain-f00d') })
    expect(await foundIn('canary-domain-f00d')).toEqual([])
  })

  test('what a client sends, and is refused with, appears in nothing that the client tells', async ({ skip }) => {
    transport.need(skip)
    const client = await transport.client(process.addresses[0] ?? '')
    const { login, watch } = connect(Canaries, client)
    const secret = 'canary-client-f00d'
    const outgoing = { authorization: `Bearer ${secret}`, cookie: `sid=${secret}`, 'x-api-key': secret }
    for (const how of ['', 'message', 'cause', 'library', 'defect', 'thrown']) {
      const outcome = await call(
        chain(process.use)(login),
        { password: how === 'message' ? '' : secret, says: how },
        { outgoing },
      )
      process.into('outcome')(inspect(outcome, { depth: 9 }))
    }
    for (const how of ['defect', 'thrown']) {
      const outcome = await call(chain(process.use)(watch), { password: secret, says: how }, { outgoing })
      const reading = async (): Promise<void> => {
        if (outcome._tag === 'Right') for await (const _ of outcome.right);
      }
      await reading().catch((thrown: unknown) => process.into('outcome')(inspect(thrown, { depth: 9 })))
    }
    await client.close()
    expect(await foundIn(secret)).toEqual([])
  })

  test('was sent, and looked for where something is', async ({ skip }) => {
    transport.need(skip)
    const written = await process.written()
    const of = (name: string): string => written.flatMap(([each, text]) => (each === name ? [text] : [])).join('\n')
    for (const name of ['logfmt', 'json', 'pretty', 'pino', 'stderr', 'spans', 'metrics', 'outcome'])
      expect(of(name), name).not.toBe('')
    expect(of('json').match(/"message":"call"/g)?.length).toBeGreaterThan(35)
    expect(of('json')).toContain('"side":"client"')
    expect(told).toBeGreaterThanOrEqual(40)
  })
})
