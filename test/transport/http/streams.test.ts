/** Streams over HTTP: neither side outruns the other, and each hears when the other is gone. */
import { call, connect } from 'tenon'
import { CallError, type Context, failureOf } from 'tenon/core'
import * as http from 'tenon/transport/http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { hostile, response } from './hostile-server.js'
import { open, served, servers, until } from './served.js'
import { newLog, Shop, shop } from './shop.js'

type Stack = 'undici' | 'node'

function clientOf(address: string, stack: Stack, options: http.HttpClientOptions = {}) {
  const binding = http.client(address, { stack, ...options })
  onTestFinished(() => binding.close())
  return connect(Shop, binding)
}

async function* counting(count: number): AsyncGenerator<{ index: number }, void, undefined> {
  for (let index = 0; index < count; index++) yield { index }
}

async function failureOfReading(
  items: AsyncIterable<unknown>,
): Promise<{ readonly read: number; readonly failure: unknown }> {
  let read = 0
  try {
    for await (const _ of items) read++
  } catch (thrown) {
    return { read, failure: thrown instanceof CallError ? thrown.failure : thrown }
  }
  return { read, failure: undefined }
}

function rightOf<T>(outcome: { readonly _tag: 'Right'; readonly right: T } | { readonly _tag: 'Left' }): T {
  return outcome._tag === 'Right' ? outcome.right : expect.unreachable()
}

describe.for<Stack>(['undici', 'node'])('streams with %s', stack => {
  test('a slow reader slows the writer', async () => {
    let written = 0
    const log = newLog()
    const service = shop(log, {
      watch: async function* ({ bytes }) {
        try {
          for (let index = 0; ; index++) {
            yield { index, text: 'x'.repeat(bytes) }
            written++
          }
        } finally {
          log.closed.push('watch')
        }
      },
    })
    const { address } = await served([service])
    const items = rightOf(await call(clientOf(address, stack).watch, { id: '7', bytes: 10_000 }))
    let read = 0
    for await (const { index } of items) {
      expect(index).toBe(read++)
      if (read === 1) {
        // Nobody reads now: what is written must come to a stop.
        let last = -1
        while (last !== written) {
          last = written
          await new Promise(resolve => setTimeout(resolve, 300))
        }
        expect(written * 10_000).toBeLessThan(16 << 20)
      }
      if (read === 100) break
    }
    await until('the end of the writer', () => log.closed.length === 1)
  })

  test('a reader that leaves ends the call and closes its generator', async () => {
    const log = newLog()
    const { address, defects } = await served([
      shop(log, {
        watch: async function* (_, { signal }: Context) {
          signal.addEventListener('abort', () => log.aborted.push('watch'))
          try {
            yield { index: 0, text: '' }
            await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
          } finally {
            log.closed.push('watch')
          }
        },
      }),
    ])
    for await (const _ of rightOf(await call(clientOf(address, stack).watch, { id: '7' }))) break
    await until('the end', () => log.closed.length === 1 && log.aborted.length === 1)
    expect(defects).toEqual([])
  })

  test('a stream that nobody reads ends with its call', async () => {
    const log = newLog()
    const { address } = await served([shop(log)])
    const controller = new AbortController()
    rightOf(
      await call(
        clientOf(address, stack).watch,
        { id: '7', count: 1_000_000, bytes: 1_000 },
        { signal: controller.signal },
      ),
    )
    controller.abort()
    await until('the end', () => log.closed.length === 1)
  })

  test('a server that dies in the middle breaks the stream, and nothing that came is lost', async () => {
    const { address } = await hostile(socket => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n')
      const line = '{"value":{"index":0,"text":""}}\n'
      socket.write(`${line.length.toString(16)}\r\n${line}\r\n`, () => setTimeout(() => socket.resetAndDestroy(), 50))
    })
    const items = rightOf(await call(clientOf(address, stack).watch, { id: '7' }))
    const { read, failure } = await failureOfReading(items)
    expect(read).toBe(1)
    expect(failure).toMatchObject({ code: 'unavailable', reason: 'STREAM_BROKEN', peer: new URL(address).host })
  })

  test('a stream without its last line is broken, even where HTTP says that it is whole', async () => {
    const { address } = await hostile(socket => {
      socket.write(response('200 OK', { 'content-type': 'application/x-ndjson' }, '{"value":{"index":0,"text":""}}\n'))
    })
    const items = rightOf(await call(clientOf(address, stack).watch, { id: '7' }))
    expect(await failureOfReading(items)).toMatchObject({ read: 1, failure: { reason: 'STREAM_BROKEN' } })
  })

  test.for([
    ['no JSON', 'hello\n', 'MALFORMED_BODY'],
    ['no line of a stream', '{"values":1}\n', 'MALFORMED_BODY'],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22, 0x0a]), 'MALFORMED_BODY'],
    ['an item over the limit', `{"value":{"index":0,"text":"${'x'.repeat(70_000)}"}}\n`, 'BODY_TOO_LARGE'],
    ['an item over the limit that never ends', 'x'.repeat(100_000), 'BODY_TOO_LARGE'],
  ] as const)('a stream of %s fails', async ([, bytes, reason]) => {
    const { address, sockets } = await hostile(socket => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\n\r\n')
      socket.write(bytes)
    })
    const { watch } = clientOf(address, stack, { maxResponseBytes: 60_000 })
    expect(await failureOfReading(rightOf(await call(watch, { id: '7' })))).toMatchObject({
      read: 0,
      failure: { reason },
    })
    await until('the end of the connection', () => sockets.size === 0)
  })

  test('a failure in the middle arrives whole', async () => {
    const { address } = await served([
      shop(newLog(), {
        watch: async function* () {
          yield { index: 0, text: '' }
          throw new CallError<never>(
            failureOf('aborted', 'ENOUGH', 'that is all', { retryAfterMs: 70, details: { a: 1 } }),
          )
        },
      }),
    ])
    const items = rightOf(await call(clientOf(address, stack).watch, { id: '7' }))
    expect(await failureOfReading(items)).toMatchObject({
      read: 1,
      failure: { code: 'aborted', reason: 'ENOUGH', message: 'that is all', retryAfterMs: 70, details: { a: 1 } },
    })
  })

  test('an item that JSON cannot hold is a defect, and says nothing of itself', async () => {
    const { address, defects } = await served([
      shop(newLog(), {
        watch: async function* () {
          yield { index: 0, text: new Map([['secret', 'swordfish']]) as never }
        },
      }),
    ])
    const items = rightOf(await call(clientOf(address, stack).watch, { id: '7' }))
    const { failure } = await failureOfReading(items)
    expect(failure).toMatchObject({ code: 'internal', reason: 'UNENCODABLE', message: 'internal error' })
    expect(defects).toHaveLength(1)
  })

  test('a caller whose connection dies in the middle of its upload is heard of', async () => {
    const log = newLog()
    let seen: unknown
    const { address, defects } = await served([
      shop(log, {
        async upload(items, context) {
          context.signal.addEventListener('abort', () => log.aborted.push('upload'))
          let count = 0
          try {
            for await (const _ of items) {
              count++
              log.calls.push('item')
            }
          } catch (thrown) {
            seen = thrown
            throw thrown
          }
          return { count }
        },
      }),
    ])
    const controller = new AbortController()
    const endless = (async function* () {
      yield { index: 0 }
      await new Promise(() => {})
    })()
    const outcome = call(clientOf(address, stack).upload, endless, { signal: controller.signal })
    await until('the first item', () => log.calls.length === 1)
    controller.abort()
    expect(await outcome).toMatchObject({ left: { code: 'cancelled' } })
    await until('the abort', () => log.aborted.length === 1 && seen !== undefined)
    expect(seen).toMatchObject({ failure: { code: 'cancelled' } })
    expect(defects).toEqual([])
  })

  test('a handler that answers without reading to the end: its answer arrives, the stream is closed, the client goes on', async () => {
    let isClosed = false
    const endless = async function* () {
      try {
        for (let index = 0; ; index++) yield { index }
      } finally {
        isClosed = true
      }
    }
    const { address } = await served([
      shop(newLog(), {
        async upload(items) {
          for await (const _ of items) break
          return { count: 1 }
        },
      }),
    ])
    const client = clientOf(address, stack)
    for (let i = 0; i < 3; i++) {
      isClosed = false
      expect(await call(client.upload, endless())).toMatchObject({ right: { count: 1 } })
      await until('the end of the upload', () => isClosed)
    }
    expect(await call(client.get, { id: '7' })).toMatchObject({ right: { id: '7' } })
  })

  test('a slow handler slows the upload', async () => {
    let sent = 0
    const big = async function* () {
      for (let index = 0; index < 20_000; index++) {
        sent++
        yield { index, padding: 'x'.repeat(1_000) }
      }
    }
    let release = (): void => {}
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    const { address } = await served([
      shop(newLog(), {
        async upload(items) {
          let count = 0
          for await (const _ of items) {
            if (count++ === 0) await released
          }
          return { count }
        },
      }),
    ])
    const outcome = call(clientOf(address, stack).upload, big())
    let last = -1
    while (last !== sent) {
      last = sent
      await new Promise(resolve => setTimeout(resolve, 300))
    }
    expect(sent * 1_000).toBeLessThan(16 << 20)
    release()
    expect(await outcome).toMatchObject({ right: { count: 20_000 } })
  })

  test('a thousand items up and down, together', async () => {
    const { address } = await served([shop()])
    const answers: number[] = []
    for await (const { index } of rightOf(await call(clientOf(address, stack).chat, counting(1_000))))
      answers.push(index)
    expect(answers).toEqual(Array.from({ length: 1_000 }, (_, i) => i * 10))
  })
})

describe.each(Object.entries(servers))('streams by hand from %s', (_, served) => {
  const get = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\nhost: t\r\n${headers}\r\n`

  test('NDJSON: an item a line, the end last', async () => {
    const { port } = await served([shop()])
    expect(await open(port).write(get('/orders/7/events?count=2')).response()).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' },
      body: '{"value":{"index":0,"text":"x"}}\n{"value":{"index":1,"text":"x"}}\n{"end":{}}\n',
    })
  })

  test('server-sent events, as an EventSource reads them', async () => {
    const { port } = await served([shop()])
    const answer = await open(port).write(get('/orders/7/events?count=2', 'accept: text/event-stream\r\n')).response()
    expect(answer?.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    expect(eventsIn(answer?.body ?? '')).toEqual([
      { event: 'message', data: { index: 0, text: 'x' } },
      { event: 'message', data: { index: 1, text: 'x' } },
      { event: 'end', data: {} },
    ])
  })

  test('server-sent events: a failure, and text with line breaks', async () => {
    const { port } = await served([
      shop(newLog(), {
        watch: async function* () {
          yield { index: 0, text: 'a\nb\r\nc\u2028d\n\nevent: end\n\n' }
          throw new CallError<never>(failureOf('aborted', 'ENOUGH', 'line\nbreak'))
        },
      }),
    ])
    const answer = await open(port).write(get('/orders/7/events', 'accept: text/event-stream\r\n')).response()
    expect(eventsIn(answer?.body ?? '')).toMatchObject([
      { event: 'message', data: { text: 'a\nb\r\nc\u2028d\n\nevent: end\n\n' } },
      { event: 'failure', data: { code: 'aborted', reason: 'ENOUGH', detail: 'line\nbreak' } },
    ])
  })

  test('HEAD of a stream has its headers and ends its call', async () => {
    const log = newLog()
    const aborted: string[] = []
    const { port, defects } = await served([
      shop(log, {
        watch: (_, { signal }) => {
          signal.addEventListener('abort', () => aborted.push('watch'))
          return counted(log)
        },
      }),
    ])
    const connection = open(port)
    connection.write('HEAD /orders/7/events HTTP/1.1\r\nhost: t\r\n\r\n')
    expect(await connection.response(false)).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/x-ndjson' },
    })
    expect((await connection.write(get('/orders/7')).response())?.status).toBe(200)
    await until('the end of the call', () => aborted.length === 1)
    expect(defects).toEqual([])
  })

  test('a stream that begins at once is ended by its reader, too', async () => {
    const log = newLog()
    const { port } = await served([
      shop(log, {
        watch: (_, { signal }) => {
          signal.addEventListener('abort', () => log.aborted.push('watch'))
          return counted(log)
        },
      }),
    ])
    const connection = open(port).write(get('/orders/7/events'))
    await until('the call', () => log.calls.length === 1)
    connection.end()
    await until('the end', () => log.aborted.length === 1)
  })

  test('a request stream of the wrong type, and one without an end', async () => {
    const { port } = await served([shop()])
    const post = (type: string, body: string): string =>
      `POST /uploads HTTP/1.1\r\nhost: t\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`
    expect((await open(port).write(post('application/json', '{}')).response())?.status).toBe(415)
    const cut = await open(port).write(post('application/x-ndjson', '{"value":{"index":0}}\n')).response()
    expect(JSON.parse(cut?.body ?? '')).toMatchObject({ code: 'invalid_argument', reason: 'MALFORMED_BODY' })
    const whole = await open(port)
      .write(post('application/x-ndjson', '{"value":{"index":0}}\r\n\r\n{"end":{}}\n'))
      .response()
    expect(whole?.body).toBe('{"count":1}')
  })

  test('a line that drips in costs no more than one that comes at once', async () => {
    const { readLines } = await import('../../../src/transport/http/ndjson.js')
    const cpu = async (bytes: number): Promise<number> => {
      const chunks = (async function* () {
        const one = Buffer.from('x')
        for (let i = 0; i < bytes; i++) yield one
      })()
      const before = process.cpuUsage()
      await readLines(chunks, 1 << 30)
        .next()
        .catch(() => {})
      const { user, system } = process.cpuUsage(before)
      return user + system
    }
    await cpu(20_000)
    const [single, fourfold] = [await cpu(50_000), await cpu(200_000)]
    expect(fourfold).toBeLessThan(4 * 3 * Math.max(single, 5_000))
  })
})

async function* counted(log: {
  readonly calls: string[]
}): AsyncGenerator<{ index: number; text: string }, void, undefined> {
  log.calls.push('watch')
  for (let index = 0; ; index++) {
    yield { index, text: '' }
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** As the HTML standard parses an event stream, apart from `id` and `retry`. */
function eventsIn(text: string): readonly { readonly event: string; readonly data: unknown }[] {
  return text
    .split(/\r\n\r\n|\n\n|\r\r/)
    .filter(block => block !== '')
    .map(block => {
      const fields = block
        .split(/\r\n|\n|\r/)
        .map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).replace(/^ /, '')] as const)
      const event = fields.find(([name]) => name === 'event')?.[1] ?? 'message'
      const data = fields.filter(([name]) => name === 'data').map(([, value]) => value)
      return { event, data: JSON.parse(data.join('\n')) }
    })
}
