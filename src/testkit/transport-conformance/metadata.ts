// What travels beside a message, both ways: what is named arrives, and nothing else does.
import { connect, contract, implement, method, stream } from '../../contract/index.js'
import { type Context, call, failed, type Metadata, type Peer, type Reply, testContext } from '../../core/index.js'
import * as assert from '../assert.js'
import { integer, text } from '../field.js'
import { message } from '../message.js'
import { assertFailure, type TransportCase, transportCase } from '../trial.js'

const Name = message({ name: text() })
const Metadatas = contract('tenon.conformance.v1.Metadata', {
  get: method({ request: Name, response: Name, idempotency: 'safe' }),
  attempt: method({
    request: Name,
    response: message({ attempt: integer(), maxAttempts: integer() }),
    idempotency: 'safe',
  }),
  watch: method({ request: Name, response: stream(Name), idempotency: 'safe' }),
})

const request = { name: 'x' }
const values: Readonly<Record<string, string>> = {
  'x-plain': 'tea',
  'X-Upper-Case': 'As It Is',
  'x_under.score': 'names may have . and _',
  'x-empty': '',
  'x-punctuation': 'a=b; c="d", e\\f %20 <g> {h}',
  'x-long': 'l'.repeat(4000),
}

export const metadataCases: readonly TransportCase[] = [
  transportCase('metadata: what the caller sends, the handler reads, under lower-case names', async trial => {
    let seen: Metadata = new Map()
    const service = implement(Metadatas).handlers({
      get: (given, context) => {
        seen = context.metadata
        return given
      },
    })
    const client = connect(Metadatas, await trial.serve(service))
    await trial.response(client.get, request, { outgoing: values })
    for (const [name, value] of Object.entries(values)) assert.equal(seen.get(name.toLowerCase()), value, name)
    await trial.response(client.get, request)
    for (const name of Object.keys(values))
      assert.equal(seen.get(name.toLowerCase()), undefined, `${name} of a call before`)
  }),
  transportCase('metadata: as much as is allowed arrives', async trial => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`x-${i}`, `${i}`.padEnd(120, '.')]))
    let seen: Metadata = new Map()
    const service = implement(Metadatas).handlers({
      get: (given, context) => {
        seen = context.metadata
        return given
      },
    })
    const client = connect(Metadatas, await trial.serve(service))
    await trial.response(client.get, request, { outgoing: many })
    for (const [name, value] of Object.entries(many)) assert.equal(seen.get(name), value)
  }),
  ...['host', 'connection', 'content-length', 'content-type', 'transfer-encoding', 'expect', 'te', 'upgrade'].map(
    name =>
      transportCase(`metadata: '${name}' of a caller's breaks neither the call nor the next one`, async trial => {
        const client = connect(Metadatas, await trial.serve(implement(Metadatas).handlers({ get: given => given })))
        const outcome = await trial.call(client.get, request, { outgoing: { [name]: '5' } })
        if (outcome._tag === 'Right') assert.deepEqual(outcome.right, request)
        else assertFailure(outcome.left, { code: 'invalid_argument', reason: 'INVALID_METADATA', ran: 'no' })
        assert.deepEqual(await trial.response(client.get, request), request)
      }),
  ),
  transportCase('metadata: which attempt a call is, and of how many, arrives', async trial => {
    const service = implement(Metadatas).handlers({
      attempt: (_, { attempt, maxAttempts }) => ({ attempt, maxAttempts }),
    })
    const binding = await trial.serve(service)
    const client = connect(Metadatas, binding)
    assert.deepEqual(await trial.response(client.attempt, request), { attempt: 1, maxAttempts: 1 })
    const third = testContext({ attempt: 3, maxAttempts: 5, deadlineMs: 5000 })
    const spec = Metadatas.specs.get('attempt') ?? assert.fail()
    const outcome = await trial.within('the third attempt', Promise.resolve(binding.method(spec)(request, third)))
    assert.deepEqual(outcome._tag === 'Right' ? outcome.right : outcome.left, { attempt: 3, maxAttempts: 5 })
  }),
  transportCase('reply: headers and trailers reach the caller with the response', async trial => {
    const service = implement(Metadatas).handlers({
      get: (given, { reply }) => {
        reply.header('X-Version', '7, "seven"')
        reply.trailer('x-cost', '3')
        return given
      },
    })
    const client = connect(Metadatas, await trial.serve(service))
    assert.deepEqual(await replied(client.get), { header: '7, "seven"', trailer: '3' })
  }),
  transportCase('reply: headers and trailers reach the caller with a failure', async trial => {
    const service = implement(Metadatas).handlers({
      get: (_, { reply }) => {
        reply.header('x-version', '7')
        reply.trailer('x-cost', '3')
        return failed('not_found', 'CONFORMANCE', 'no')
      },
    })
    const client = connect(Metadatas, await trial.serve(service))
    assert.deepEqual(await replied(client.get), { header: '7', trailer: '3' })
  }),
  transportCase('reply: headers come before the first item of a stream, trailers after the last', async trial => {
    const service = implement(Metadatas).handlers({
      watch: (given, { reply }) => {
        reply.header('x-version', '7')
        return (async function* () {
          yield given
          reply.trailer('x-cost', '3')
        })()
      },
    })
    const client = connect(Metadatas, await trial.serve(service))
    let reply: Reply | undefined
    const items = await trial.response(client.watch, request, {
      onReply: given => {
        reply = given
      },
    })
    assert.equal(reply?.headers.get('x-version'), '7', 'the header, before any item was read')
    assert.equal(reply?.trailers.get('x-cost'), undefined)
    await trial.items(items)
    assert.equal(reply?.trailers.get('x-cost'), '3')
  }),
  transportCase('reply: several cookies are kept apart, commas and all', async trial => {
    const cookies = ['a=1; Path=/', 'b=2; Expires=Thu, 01 Jan 2037 00:00:00 GMT', 'a=3; Path=/shop']
    const service = implement(Metadatas).handlers({
      get(given, { reply }) {
        for (const cookie of cookies) reply.header('Set-Cookie', cookie)
        reply.header('x-version', '7')
        return given
      },
    })
    const client = connect(Metadatas, await trial.serve(service))
    let reply: Reply | undefined
    await trial.response(client.get, request, {
      onReply: given => {
        reply = given
      },
    })
    assert.deepEqual(reply?.setCookies, cookies)
    assert.equal(reply?.headers.get('set-cookie'), undefined)
    assert.equal(reply?.headers.get('x-version'), '7')
  }),
  transportCase('peer: what a caller writes into its metadata says nothing of who it is', async trial => {
    let seen: Peer | undefined
    const service = implement(Metadatas).handlers({
      get: (given, { peer }) => {
        seen = peer
        return given
      },
    })
    const client = connect(Metadatas, await trial.serve(service))
    const forged = {
      'x-forwarded-for': '203.0.113.9',
      forwarded: 'for=203.0.113.9;proto=https',
      'x-real-ip': '203.0.113.9',
    }
    await trial.response(client.get, request, {
      outgoing: {
        ...forged,
        'x-forwarded-proto': 'https',
        'x-forwarded-client-cert': 'Hash=00;URI=spiffe://shop/orders',
      },
    })
    assert.notEqual(seen?.address, '203.0.113.9')
    assert.equal(seen?.certificate, undefined)
  }),
  transportCase('reply: a header after the first item is refused, not lost', async trial => {
    const service = implement(Metadatas).handlers({
      watch: async function* (given, { reply }) {
        yield given
        reply.header('x-late', '1')
      },
    })
    const client = connect(Metadatas, await trial.serve(service))
    const { failure } = await trial.brokenItems(await trial.response(client.watch, request))
    assertFailure(failure, { code: 'internal', reason: 'REPLY_SENT' })
  }),
  transportCase('reply: trailers come with a stream that fails, too', async trial => {
    const service = implement(Metadatas).handlers({
      watch: (given, context) => brokenWatch(given, context),
    })
    const client = connect(Metadatas, await trial.serve(service))
    let reply: Reply | undefined
    const items = await trial.response(client.watch, request, {
      onReply: given => {
        reply = given
      },
    })
    await trial.brokenItems(items)
    assert.equal(reply?.trailers.get('x-cost'), '3')
    assert.equal(trial.takeDefects().length, 1)
  }),
]

async function* brokenWatch(given: { readonly name: string }, { reply }: Context): AsyncGenerator<{ name: string }> {
  yield given
  reply.trailer('x-cost', '3')
  throw new Error('broken')
}

async function replied(
  get: Parameters<typeof call<typeof request, typeof request, never, Context>>[0],
): Promise<{ readonly header: string | undefined; readonly trailer: string | undefined }> {
  let reply: Reply | undefined
  await call(get, request, {
    onReply: given => {
      reply = given
    },
  })
  return { header: reply?.headers.get('x-version'), trailer: reply?.trailers.get('x-cost') }
}
