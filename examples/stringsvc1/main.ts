// The first example of Go kit, side by side with its main.go: the same parts in the same order, and the same bytes on the wire.
// New services use a contract instead, as the shop does; this is how an endpoint takes a format that is given. What differs: a
// body that is not UTF-8 is refused rather than repaired, one that is packed is unpacked, and Go redirects from paths like //count.
import { type Failure, fromPromise } from 'tenon'
import * as http from 'tenon/transport/http'
import * as json from './go-json.js'
import { toUpper } from './go-strings.js'
import { listenAndServe } from './listen-and-serve.js'

/** The business: what it does with strings, and nothing of how it is reached. */
interface StringService {
  /** @returns the text in upper case, or why there is none */
  uppercase(s: string): { readonly v: string; readonly err?: string }
  count(s: string): number
}

const errEmpty = 'empty string'

const stringService: StringService = {
  uppercase: s => (s === '' ? { v: '', err: errEmpty } : { v: toUpper(s) }),
  count: s => Buffer.byteLength(s),
}

// What goes into each method, and what comes out.
interface UppercaseRequest {
  readonly s: string
}

interface UppercaseResponse {
  readonly v: string
  readonly err?: string
}

interface CountRequest {
  readonly s: string
}

interface CountResponse {
  readonly v: number
}

// An endpoint is one method of the service, as transports and middleware see it.
const makeUppercaseEndpoint = (svc: StringService) =>
  fromPromise(({ s }: UppercaseRequest): UppercaseResponse => svc.uppercase(s))

const makeCountEndpoint = (svc: StringService) =>
  fromPromise(({ s }: CountRequest): CountResponse => ({ v: svc.count(s) }))

// A transport binds endpoints to a network: here JSON over HTTP.
function main(): void {
  const svc = stringService

  const uppercaseHandler = http.handler(
    makeUppercaseEndpoint(svc),
    { decode: decodeUppercaseRequest, encode: encodeResponse, encodeFailure },
    options,
  )

  const countHandler = http.handler(
    makeCountEndpoint(svc),
    { decode: decodeCountRequest, encode: encodeResponse, encodeFailure },
    options,
  )

  listenAndServe('stringsvc1', { '/uppercase': uppercaseHandler, '/count': countHandler })
}

const options: http.HandlerOptions = { maxBodyBytes: 64 << 20 } // Go kit has no limit; having none is no virtue

async function decodeUppercaseRequest(request: http.HandlerRequest): Promise<UppercaseRequest> {
  return json.decode(await request.text(), { name: 'uppercaseRequest', fields: ['s'] })
}

async function decodeCountRequest(request: http.HandlerRequest): Promise<CountRequest> {
  return json.decode(await request.text(), { name: 'countRequest', fields: ['s'] })
}

// net/http takes what the encoder wrote for plain text, since nobody said otherwise.
const contentType = 'text/plain; charset=utf-8'

function encodeResponse(response: UppercaseResponse | CountResponse): http.HandlerResponse {
  return { headers: { 'content-type': contentType }, body: json.encode(response) }
}

// What Go kit does where nothing else is asked for.
function encodeFailure(failure: Failure): http.HandlerResponse {
  return { status: 500, headers: { 'content-type': contentType }, body: failure.message }
}

main()
