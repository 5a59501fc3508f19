// The fourth example of Go kit, side by side with its main.go: HTTP in front, NATS behind it, and the service behind that. README.md says
// what differs. New services use a contract, and serve it over both at once.
import { parseArgs } from 'node:util'
import { connect } from 'nats'
import { type Failure, fromPromise } from 'tenon'
import * as http from 'tenon/transport/http'
import * as nats from 'tenon/transport/nats'
import * as json from '../stringsvc1/go-json.js'
import { listenAndServe } from '../stringsvc1/listen-and-serve.js'
import { type StringService, stringService, type Uppercased } from '../stringsvc2/service.js'

// What goes into each method, and what comes out.
interface StringRequest {
  readonly s: string
}

interface CountResponse {
  readonly v: number
}

// Endpoints that call over NATS: the ones that HTTP serves.
const makeUppercaseHTTPEndpoint = (connection: nats.NatsConnection) =>
  nats.endpoint<StringRequest, Uppercased>({ connection, subject: 'stringsvc.uppercase' }, { encode, decode })

const makeCountHTTPEndpoint = (connection: nats.NatsConnection) =>
  nats.endpoint<StringRequest, CountResponse>({ connection, subject: 'stringsvc.count' }, { encode, decode })

// Endpoints of the service itself: the ones that NATS serves.
const makeUppercaseEndpoint = (svc: StringService) =>
  fromPromise(({ s }: StringRequest): Uppercased => svc.uppercase(s))

const makeCountEndpoint = (svc: StringService) =>
  fromPromise(({ s }: StringRequest): CountResponse => ({ v: svc.count(s) }))

async function main(): Promise<void> {
  const svc = stringService
  const connection = await connect({ servers: natsUrl(), ...nats.connectionDefaults })

  const uppercaseHandler = nats.handler(makeUppercaseEndpoint(svc), codec('uppercaseRequest'), { connection })
  const countHandler = nats.handler(makeCountEndpoint(svc), codec('countRequest'), { connection })
  connection.subscribe('stringsvc.uppercase', { queue: 'stringsvc', callback: uppercaseHandler })
  connection.subscribe('stringsvc.count', { queue: 'stringsvc', callback: countHandler })
  await connection.flush()

  listenAndServe('stringsvc4', {
    '/uppercase': http.handler(makeUppercaseHTTPEndpoint(connection), httpCodec('uppercaseRequest'), options),
    '/count': http.handler(makeCountHTTPEndpoint(connection), httpCodec('countRequest'), options),
  })
}

// Go kit's publisher waits for 10 s, and has no limit to bodies; NATS has one.
const options: http.HandlerOptions = { deadlineMs: 10_000, maxBodyBytes: 64 << 20 }

function encode(request: StringRequest): nats.EndpointRequest {
  return { body: marshal(request) }
}

/** What a Go program answers, which has no headers; a failure of ours, which has, comes as one. */
function decode<Res>(answer: nats.EndpointResponse): Res {
  return JSON.parse(answer.text()) // our own service's, or the original's
}

function codec(name: string): nats.ServerCodec<StringRequest, object> {
  return {
    decode: request => json.decode<'s'>(request.text(), { name, fields: ['s'] }),
    encode: response => ({ body: marshal(response) }),
    encodeFailure: failure => ({ body: marshal({ err: unmarshalText(failure.message) }) }), // what Go kit does where nothing else is asked for
  }
}

/** json.Marshal, which writes no line break. */
function marshal(value: unknown): string {
  return json.encode(value).trimEnd()
}

/** json.Unmarshal has another word than a Decoder for a text that ends too early. */
function unmarshalText(message: string): string {
  return /^(?:unexpected )?EOF$/.test(message) ? 'unexpected end of JSON input' : message
}

function httpCodec(name: string): http.ServerCodec<StringRequest, object> {
  return {
    decode: async request => json.decode<'s'>(await request.text(), { name, fields: ['s'] }),
    encode: response => ({
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: json.encode(response),
    }),
    encodeFailure: failure => ({
      status: 500,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: goText(failure),
    }),
  }
}

/** The words of nats.go and of Go's context. */
function goText({ reason, message }: Failure): string {
  if (reason === 'NO_RESPONDERS') return 'nats: no responders available for request'
  return reason === 'DEADLINE_EXCEEDED' ? 'context deadline exceeded' : message
}

/** `-nats-url`, with one dash or two, as Go takes flags. */
function natsUrl(): string {
  const args = process.argv.slice(2).map(each => each.replace(/^-(?=nats-url)/, '--'))
  const { values } = parseArgs({ args, options: { 'nats-url': { type: 'string' } }, strict: false })
  return String(values['nats-url'] ?? 'nats://127.0.0.1:4222')
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
