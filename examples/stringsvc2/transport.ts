// transport.go: endpoints of the service, and how each is reached over HTTP. The same bytes as in stringsvc1.
import { type Failure, fromPromise } from 'tenon'
import * as http from 'tenon/transport/http'
import * as json from '../stringsvc1/go-json.js'
import type { StringService, Uppercased } from './service.js'

interface StringRequest {
  readonly s: string
}

const makeUppercaseEndpoint = (svc: StringService) =>
  fromPromise(({ s }: StringRequest): Uppercased => svc.uppercase(s))

const makeCountEndpoint = (svc: StringService) => fromPromise(({ s }: StringRequest) => ({ v: svc.count(s) }))

const options: http.HandlerOptions = { maxBodyBytes: 64 << 20 } // Go kit has no limit; having none is no virtue

export function uppercaseHandler(svc: StringService): http.Listener {
  const decode = decodeRequest('uppercaseRequest')
  return http.handler(makeUppercaseEndpoint(svc), { decode, encode: encodeResponse, encodeFailure }, options)
}

export function countHandler(svc: StringService): http.Listener {
  const decode = decodeRequest('countRequest')
  return http.handler(makeCountEndpoint(svc), { decode, encode: encodeResponse, encodeFailure }, options)
}

function decodeRequest(name: string): (request: http.HandlerRequest) => Promise<StringRequest> {
  return async request => json.decode(await request.text(), { name, fields: ['s'] })
}

// net/http takes what the encoder wrote for plain text, since nobody said otherwise.
const contentType = 'text/plain; charset=utf-8'

function encodeResponse(response: Uppercased | { readonly v: number }): http.HandlerResponse {
  return { headers: { 'content-type': contentType }, body: json.encode(response) }
}

// What Go kit does where nothing else is asked for.
function encodeFailure(failure: Failure): http.HandlerResponse {
  return { status: 500, headers: { 'content-type': contentType }, body: failure.message }
}
