/** The server that Connect's conformance tests call: it answers as each request says. */
import { CallError, type Context, codes, type Failure, failed, failureOf, implement } from 'tenon'
import { serve } from 'tenon/lifecycle'
import * as grpc from 'tenon/transport/grpc'
import {
  type Any,
  anyOf,
  Conformance,
  conformanceMethod,
  type Data,
  type ErrorDefinition,
  type Header,
  messagesIn,
  ownDeadlineMs,
  write,
} from './messages.js'

interface Definition {
  readonly responseHeaders: readonly Header[]
  readonly responseTrailers: readonly Header[]
  readonly responseData?: Uint8Array | readonly Uint8Array[]
  readonly responseDelayMs?: number
  readonly error?: ErrorDefinition
}

const pause = (ms = 0): Promise<void> => new Promise(resolve => (ms > 0 ? setTimeout(resolve, ms) : resolve()))

function definitionIn(request: Data | undefined): Definition | undefined {
  return request?.['responseDefinition'] as Definition | undefined // as the message has it
}

function put({ reply }: Context, definition: Definition | undefined): void {
  for (const { name, value } of definition?.responseHeaders ?? []) reply.header(name, value.join(', '))
  for (const { name, value } of definition?.responseTrailers ?? []) reply.trailer(name, value.join(', '))
}

/** What came: told before anything else, since it says how much time was left. */
function requestInfo(context: Context, kind: string, requests: readonly Data[], hasTimeout: boolean): Data {
  const requestHeaders = [...context.metadata].map(([name, value]) => ({ name, value: value.split(', ') }))
  const info = { requestHeaders, requests: requests.map(request => anyOf(kind, request)) }
  return hasTimeout ? { ...info, timeoutMs: Math.floor(context.remainingMs) } : info
}

function failureIn({ code, message = '', details }: ErrorDefinition, more: readonly Any[]): Failure {
  const all = [...details, ...more].map(({ typeUrl, value }) => ({
    '@type': typeUrl,
    value: Buffer.from(value).toString('base64'),
  }))
  const name = codes[code - 1] ?? 'unknown'
  return failureOf(name, name.toUpperCase(), message, all.length > 0 ? { details: { any: all } } : {})
}

const infoType = 'ConformancePayload.RequestInfo'
/** Without a deadline of its caller's a call has the method's. */
const hasTimeout = ({ remainingMs }: Context): boolean => remainingMs < ownDeadlineMs / 2

async function unary(kind: string, requests: readonly Data[], context: Context): Promise<Data> {
  const timed = hasTimeout(context)
  const definition = definitionIn(requests[0])
  put(context, definition)
  const info = requestInfo(context, kind, requests, timed)
  await pause(definition?.responseDelayMs)
  if (definition?.error !== undefined) throw new CallError<never>(failureIn(definition.error, [anyOf(infoType, info)]))
  return { payload: { data: definition?.responseData ?? new Uint8Array(), requestInfo: info } }
}

function dataIn(definition: Definition | undefined): readonly Uint8Array[] {
  return (definition?.responseData ?? []) as readonly Uint8Array[] // of a stream
}

interface Bidi {
  readonly first: IteratorResult<Data, unknown>
  readonly reader: AsyncIterator<Data>
  readonly definition: Definition | undefined
  readonly isFullDuplex: boolean
  readonly context: Context
  readonly timed: boolean
}

async function* bidi({ first, reader, definition, isFullDuplex, context, timed }: Bidi): AsyncGenerator<Data> {
  const kind = 'BidiStreamRequest'
  const data = dataIn(definition)
  let received: Data[] = []
  let sent = 0
  const answer = async (requestInfo: Data | undefined): Promise<Data> => {
    await pause(definition?.responseDelayMs)
    return { payload: { data: data[sent++], ...(requestInfo !== undefined && { requestInfo }) } }
  }
  const whole = (): Data => requestInfo(context, kind, received, timed)
  for (let next = first; next.done !== true; next = await reader.next()) {
    received.push(next.value)
    if (!isFullDuplex) continue
    if (sent >= data.length) break
    yield await answer(sent === 0 ? whole() : { requests: received.map(each => anyOf(kind, each)) })
    received = []
  }
  while (sent < data.length) yield await answer(sent === 0 ? whole() : undefined)
  if (definition?.error !== undefined)
    throw new CallError<never>(failureIn(definition.error, sent === 0 ? [anyOf(infoType, whole())] : []))
}

const service = implement(Conformance).handlers({
  unary: (request, context) => unary('UnaryRequest', [request], context),
  idempotentUnary: (request, context) => unary('IdempotentUnaryRequest', [request], context),
  unimplemented: () => failed('unimplemented', 'UNIMPLEMENTED', 'as its name says'),
  async clientStream(requests, context) {
    const all: Data[] = []
    for await (const request of requests) all.push(request)
    return unary('ClientStreamRequest', all, context)
  },
  serverStream(request, context) {
    const timed = hasTimeout(context)
    const definition = definitionIn(request)
    put(context, definition)
    return (async function* () {
      const info = requestInfo(context, 'ServerStreamRequest', [request], timed)
      let sent = 0
      for (const data of dataIn(definition)) {
        await pause(definition?.responseDelayMs)
        yield { payload: { data, ...(sent++ === 0 && { requestInfo: info }) } }
      }
      if (definition?.error !== undefined)
        throw new CallError<never>(failureIn(definition.error, sent === 0 ? [anyOf(infoType, info)] : []))
    })()
  },
  async bidiStream(requests, context) {
    const timed = hasTimeout(context)
    const reader = requests[Symbol.asyncIterator]()
    const next = await reader.next()
    const first: Data | undefined = next.done === true ? undefined : next.value
    const definition = definitionIn(first)
    put(context, definition) // before the stream begins, since headers are sent then
    return bidi({ first: next, reader, definition, isFullDuplex: first?.['fullDuplex'] === true, context, timed })
  },
})

for await (const request of messagesIn('ServerCompatRequest')) {
  const limit = Number(request['messageReceiveLimit'] ?? 0)
  const options = {
    port: 0,
    methodOf: conformanceMethod,
    maxDeadlineMs: ownDeadlineMs,
    ...(limit > 0 && { maxMessageBytes: limit }),
  }
  const running = await serve([service], [grpc.server(options)], { signals: false })
  const { hostname, port } = new URL(running.addresses[0]?.replace('grpc:', 'http:') ?? '')
  write('ServerCompatResponse', { host: hostname, port: Number(port) })
}
