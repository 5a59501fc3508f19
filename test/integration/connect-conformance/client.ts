/** The client of Connect's conformance tests: makes the calls that it reads, and writes what came of each. */
import { type Context, call, codes, connect, type Failure, isFailure, type Reply } from 'tenon'
import * as grpc from 'tenon/transport/grpc'
import { anyIn } from '../../../src/transport/grpc/any-details.js'
import {
  type Any,
  Conformance,
  codecOf,
  conformanceMethod,
  type Data,
  type Header,
  messagesIn,
  write,
} from './messages.js'

interface Cancel {
  readonly beforeCloseSend?: Data
  readonly afterCloseSendMs?: number
  readonly afterNumResponses?: number
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

function headersIn(pairs: ReadonlyMap<string, string> | undefined): Header[] {
  return [...(pairs ?? [])].map(([name, value]) => ({ name, value: value.split(', ') }))
}

function errorOf(failure: Failure): Data {
  const details = anyIn(failure.details?.['any']) ?? []
  return {
    code: codes.indexOf(failure.code) + 1,
    message: failure.message,
    details: details.map(({ typeName, bytes }) => ({ typeUrl: `type.googleapis.com/${typeName}`, value: bytes })),
  }
}

const clients = new Map<string, ReturnType<typeof grpc.client>>()

/** One for all calls of one kind: their servers close what connects and then is silent for five seconds, as hundreds at once may be. */
function clientOf(asked: Data): ReturnType<typeof grpc.client> {
  const target = `${String(asked['host'])}:${Number(asked['port'])}`
  const limit = Number(asked['messageReceiveLimit'] ?? 0)
  const isPacked = asked['compression'] === 2
  const key = `${target} ${limit} ${isPacked}`
  const known = clients.get(key)
  if (known !== undefined) return known
  const made = grpc.client(target, {
    methodOf: conformanceMethod,
    ...(limit > 0 && { maxMessageBytes: limit }),
    ...(isPacked && { compression: 'gzip' as const }),
  })
  clients.set(key, made)
  return made
}

/** The stream of a call's requests, as the call says it is to go. */
class Requests {
  readonly #asked: Data
  readonly #cancel: Cancel
  readonly #abort: () => void
  #heard = 0
  #onHeard: () => void = () => {}

  constructor(asked: Data, cancel: Cancel, abort: () => void) {
    this.#asked = asked
    this.#cancel = cancel
    this.#abort = abort
  }

  async *of(messages: readonly Data[]): AsyncGenerator<Data> {
    const isFullDuplex = this.#asked['streamType'] === 5
    for (const [index, message] of messages.entries()) {
      await pause(Number(this.#asked['requestDelayMs'] ?? 0))
      yield message
      if (isFullDuplex) await this.#answerTo(index)
    }
    if (this.#cancel.beforeCloseSend !== undefined) {
      this.#abort()
      await new Promise(() => {}) // the stream stays open
    }
    this.sent()
  }

  async #answerTo(index: number): Promise<void> {
    while (this.#heard <= index) {
      await new Promise<void>(resolve => {
        this.#onHeard = resolve
      })
    }
  }

  /** All that there is to send has been sent. */
  sent(): void {
    const { afterCloseSendMs } = this.#cancel
    if (afterCloseSendMs !== undefined) setTimeout(this.#abort, afterCloseSendMs)
  }

  heard(count = this.#heard + 1): void {
    this.#heard = count
    if (count === this.#cancel.afterNumResponses) this.#abort()
    this.#onHeard()
  }
}

/** The payloads of a stream, and how it failed. */
async function read(items: AsyncIterable<Data>, requests: Requests, payloads: unknown[]): Promise<Data | undefined> {
  try {
    for await (const item of items) {
      payloads.push(item['payload'] ?? {})
      requests.heard()
    }
    return undefined
  } catch (thrown) {
    const failure = (thrown as { readonly failure?: unknown }).failure
    if (!isFailure(failure)) throw thrown
    return errorOf(failure)
  } finally {
    requests.heard(Number.POSITIVE_INFINITY)
  }
}

type Endpoint = Parameters<typeof call<unknown, unknown, never, Context>>[0]

async function result(asked: Data): Promise<Data> {
  const name = String(asked['method'])
  const methodName = name.charAt(0).toLowerCase() + name.slice(1)
  const spec = Conformance.specs.get(methodName)
  const binding = clientOf(asked)
  const endpoint: unknown = Reflect.get(connect(Conformance, binding), methodName)
  if (spec === undefined) throw new Error(`there is no method ${name}`)
  const controller = new AbortController()
  const requests = new Requests(asked, (asked['cancel'] ?? {}) as Cancel, () => controller.abort())
  const messages = (asked['requestMessages'] as readonly Any[]).map(({ value }) =>
    codecOf(`${name}Request`).decode(value ?? new Uint8Array()),
  )
  if (!spec.request.streamed) requests.sent()
  let reply: Reply | undefined
  const outcome = await call(endpoint as Endpoint, spec.request.streamed ? requests.of(messages) : messages[0], {
    outgoing: Object.fromEntries(
      (asked['requestHeaders'] as readonly Header[]).map(({ name, value }) => [name.toLowerCase(), value.join(', ')]),
    ),
    signal: controller.signal,
    deadlineMs: Number(asked['timeoutMs'] ?? Number.POSITIVE_INFINITY),
    onReply: given => {
      reply = given
    },
  })
  const payloads: unknown[] = []
  let error: Data | undefined
  if (outcome._tag === 'Left') error = errorOf(outcome.left)
  else if (spec.response.streamed) error = await read(outcome.right as AsyncIterable<Data>, requests, payloads)
  else payloads.push((outcome.right as Data)['payload'] ?? {})
  return {
    responseHeaders: headersIn(reply?.headers),
    responseTrailers: headersIn(reply?.trailers),
    payloads,
    ...(error !== undefined && { error }),
  }
}

/** More would only wait for one another. */
const maxGoing = 16
const going = new Set<Promise<void>>()
for await (const asked of messagesIn('ClientCompatRequest')) {
  const testName = asked['testName']
  const answered: Promise<void> = result(asked)
    .then(
      response => write('ClientCompatResponse', { testName, response }),
      (thrown: unknown) => write('ClientCompatResponse', { testName, error: { message: String(thrown) } }),
    )
    .finally(() => going.delete(answered))
  going.add(answered)
  if (going.size >= maxGoing) await Promise.race(going)
}
await Promise.all(going)
process.exit(0)
