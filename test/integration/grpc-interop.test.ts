/** gRPC's own interoperability tests against grpc-go, whose client calls our server, and whose server is called by our client. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { call, callOrThrow, connect, type Failure, isFailure, type Reply } from 'tenon'
import { type Running, serve } from 'tenon/lifecycle'
import * as grpc from 'tenon/transport/grpc'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { interopMethod, TestService, UnimplementedService } from './interop/messages.js'
import { testService } from './interop/service.js'
import { cached, freePorts, needFile, type ServerProgram, startProgram } from './server-program.js'

const programs = { client: cached('grpc-interop-client-1.85.0'), server: cached('grpc-interop-server-1.85.0') }
const patience = 60_000

describe("grpc-go's client", () => {
  let running: Running
  beforeAll(async () => {
    running = await serve([testService], [grpc.server({ port: 0, methodOf: interopMethod })], { signals: false })
  })
  afterAll(() => running.drain())

  test.for([
    'empty_unary',
    'large_unary',
    'client_streaming',
    'server_streaming',
    'ping_pong',
    'empty_stream',
    'timeout_on_sleeping_server',
    'cancel_after_begin',
    'cancel_after_first_response',
    'status_code_and_message',
    'special_status_message',
    'custom_metadata',
    'unimplemented_method',
    'unimplemented_service',
  ])('%s', { timeout: patience }, async (name, { skip }) => {
    needFile(programs.client, skip)
    const { port } = new URL(running.addresses[0]?.replace('grpc:', 'http:') ?? '')
    const args = ['--server_host=127.0.0.1', `--server_port=${port}`, `--test_case=${name}`, '--use_tls=false']
    await promisify(execFile)(programs.client, args, { timeout: patience })
  })
})

describe("grpc-go's server", () => {
  let server: ServerProgram | undefined
  let binding: ReturnType<typeof grpc.client>
  beforeEach(async ({ skip }) => {
    needFile(programs.server, skip)
    if (server !== undefined) return
    const [port] = await freePorts(1)
    binding = grpc.client(`grpc://127.0.0.1:${port}`, { methodOf: interopMethod, maxReconnectDelayMs: 100 })
    const { emptyCall } = connect(TestService, binding)
    server = await startProgram(
      programs.server,
      [`--port=${port}`, '--use_tls=false'],
      async () => (await call(emptyCall, {}))._tag === 'Right',
    )
  }, patience)
  afterAll(async () => {
    await binding?.close()
    await server?.stop()
  })
  const client = () => connect(TestService, binding)
  const failureOf = async (calling: ReturnType<typeof call>): Promise<Failure> => {
    const outcome = await calling
    return outcome._tag === 'Left' && isFailure(outcome.left) ? outcome.left : expect.fail('it succeeded')
  }
  const sizes = [31_415, 9, 2_653, 58_979]
  const requestSizes = [27_182, 8, 1_828, 45_904]
  async function* inputs(): AsyncGenerator<{ payload: { body: Uint8Array } }> {
    for (const size of requestSizes) yield { payload: { body: new Uint8Array(size) } }
  }
  async function lengths(
    items: AsyncIterable<{ payload?: { body?: Uint8Array | undefined } | undefined }>,
  ): Promise<number[]> {
    const found: number[] = []
    for await (const { payload } of items) found.push(payload?.body?.length ?? 0)
    return found
  }

  test('empty_unary', async () => {
    expect(await callOrThrow(client().emptyCall, {})).toEqual({})
  })
  test('large_unary', async () => {
    const request = { responseSize: 314_159, payload: { body: new Uint8Array(271_828) } }
    expect((await callOrThrow(client().unaryCall, request)).payload?.body).toHaveLength(314_159)
  })
  test('client_streaming', async () => {
    expect(await callOrThrow(client().streamingInputCall, inputs())).toEqual({ aggregatedPayloadSize: 74_922 })
  })
  test('server_streaming', async () => {
    const request = { responseParameters: sizes.map(size => ({ size })) }
    expect(await lengths(await callOrThrow(client().streamingOutputCall, request))).toEqual(sizes)
  })
  test('ping_pong', async () => {
    let answered = (): void => {}
    const asking = (async function* () {
      for (const [index, size] of sizes.entries()) {
        const heard = new Promise<void>(resolve => {
          answered = resolve
        })
        yield { responseParameters: [{ size }], payload: { body: new Uint8Array(requestSizes[index] ?? 0) } }
        await heard
      }
    })()
    const found: number[] = []
    for await (const { payload } of await callOrThrow(client().fullDuplexCall, asking)) {
      found.push(payload?.body?.length ?? 0)
      answered()
    }
    expect(found).toEqual(sizes)
  })
  test('empty_stream', async () => {
    const nothing = (async function* (): AsyncGenerator<never> {})()
    expect(await lengths(await callOrThrow(client().fullDuplexCall, nothing))).toEqual([])
  })
  test('timeout_on_sleeping_server', async () => {
    const asking = (async function* () {
      yield { responseParameters: [{ size: 1, intervalUs: 60_000_000 }], payload: { body: new Uint8Array(27_182) } }
      await new Promise(() => {}) // the stream stays open
    })()
    const failure = await failureOf(
      (async () => {
        const outcome = await call(client().fullDuplexCall, asking, { deadlineMs: 50 })
        if (outcome._tag === 'Left') return outcome
        return lengths(outcome.right).then(
          right => ({ _tag: 'Right', right }) as const,
          (thrown: { failure: Failure }) => ({ _tag: 'Left', left: thrown.failure }) as const,
        )
      })() as ReturnType<typeof call>,
    )
    expect(failure.code).toBe('deadline_exceeded')
  })
  test('cancel_after_begin', async () => {
    const controller = new AbortController()
    const asking = (async function* (): AsyncGenerator<never> {
      controller.abort()
      await new Promise(() => {})
    })()
    const failure = await failureOf(call(client().streamingInputCall, asking, { signal: controller.signal }))
    expect(failure.code).toBe('cancelled')
  })
  test('cancel_after_first_response', async () => {
    const controller = new AbortController()
    const asking = (async function* () {
      yield { responseParameters: [{ size: 31_415 }], payload: { body: new Uint8Array(27_182) } }
      await new Promise(() => {})
    })()
    const items = await callOrThrow(client().fullDuplexCall, asking, { signal: controller.signal })
    const reading = async (): Promise<void> => {
      for await (const _ of items) controller.abort()
    }
    await expect(reading()).rejects.toMatchObject({ failure: { code: 'cancelled' } })
  })
  test.each(['test status message', '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n'])(
    'status_code_and_message, special_status_message: %j',
    async message => {
      const failure = await failureOf(call(client().unaryCall, { responseStatus: { code: 2, message } }))
      expect(failure).toMatchObject({ code: 'unknown', message })
      const asking = (async function* () {
        yield { responseStatus: { code: 2, message } }
      })()
      const reading = lengths(await callOrThrow(client().fullDuplexCall, asking).catch(thrown => rejecting(thrown)))
      await expect(reading).rejects.toMatchObject({ failure: { code: 'unknown', message } })
    },
  )
  test('custom_metadata', async () => {
    const outgoing = {
      'x-grpc-test-echo-initial': 'test_initial_metadata_value',
      'x-grpc-test-echo-trailing-bin': 'q6ur',
    }
    let reply: Reply | undefined
    const onReply = (given: Reply): void => {
      reply = given
    }
    await callOrThrow(client().unaryCall, { responseSize: 314_159 }, { outgoing, onReply })
    expect(reply?.headers.get('x-grpc-test-echo-initial')).toBe('test_initial_metadata_value')
    expect(reply?.trailers.get('x-grpc-test-echo-trailing-bin')).toBe('q6ur')
  })
  test('unimplemented_method, unimplemented_service', async () => {
    const missing = { code: 'unimplemented', reason: 'ROUTE_NOT_FOUND', ran: 'no' }
    expect(await failureOf(call(client().unimplementedCall, {}))).toMatchObject(missing)
    expect(await failureOf(call(connect(UnimplementedService, binding).unimplementedCall, {}))).toMatchObject(missing)
  })
})

/** Fails as a stream does, for a call that failed before it had one. */
function rejecting(thrown: unknown): AsyncIterable<never> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(thrown) }) }
}
