// JSON over HTTP, as in pkg/addtransport/http.go: the handlers, and a client. The client passes on what the service said; the original's
// knows the status only.
import { CallError, type Failure, failureOf } from 'tenon'
import * as http from 'tenon/transport/http'
import * as json from '../stringsvc1/go-json.js'
import { type AddEndpoints, clientLayers, errorText, type Pair } from './endpoints.js'
import type { Answer } from './service.js'

const options: http.HandlerOptions = { maxBodyBytes: 64 << 20 } // Go kit has no limit; having none is no virtue

/** The handlers by their paths. */
export function addHandlers({ sum, concat }: AddEndpoints): Readonly<Record<string, http.Listener>> {
  const request = (name: string) => ({ name, package: 'addendpoint', fields: ['A', 'B'] }) as const
  const decodeSum = async (given: http.HandlerRequest): Promise<Pair<bigint>> => {
    const { A, B } = json.decodeInts(await given.text(), request('SumRequest'))
    return { a: A, b: B }
  }
  const decodeConcat = async (given: http.HandlerRequest): Promise<Pair<string>> => {
    const { A, B } = json.decode(await given.text(), request('ConcatRequest'))
    return { a: A, b: B }
  }
  return {
    '/sum': exactly('/sum', http.handler(sum, { decode: decodeSum, encode: encodeAnswer, encodeFailure }, options)),
    '/concat': exactly(
      '/concat',
      http.handler(concat, { decode: decodeConcat, encode: encodeAnswer, encodeFailure }, options),
    ),
  }
}

/** What is mounted answers for all paths below its own, too; of Go's ServeMux these are not found. */
function exactly(path: string, listener: http.Listener): http.Listener {
  return (message, target) => {
    if (message.url?.split('?', 1)[0] === path) listener(message, target)
    else {
      target.writeHead(404, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' })
      target.end('404 page not found\n')
    }
  }
}

function encodeAnswer({ v, err }: Answer<bigint | string>): http.HandlerResponse {
  if (err !== undefined) return encodeError(400, err)
  const body = typeof v === 'bigint' ? `{"v":${v}}\n` : json.encode({ v }) // JSON of ours has no integers of 64 bits
  return { headers: { 'content-type': 'application/json; charset=utf-8' }, body }
}

function encodeFailure(failure: Failure): http.HandlerResponse {
  return encodeError(500, errorText(failure))
}

/** net/http takes it for plain text, since nobody said otherwise. */
function encodeError(status: number, error: string): http.HandlerResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: json.encode({ error }) }
}

const sumResponse = { name: 'SumResponse', package: 'addendpoint', fields: ['V'] } as const

/** A client's endpoints, and what lets go of its connections. */
export interface AddClient extends AddEndpoints {
  close(): Promise<void>
}

/** @param instance - `host:port`, or a URL */
export function httpClient(instance: string): AddClient {
  const target = instance.startsWith('http') ? instance : `http://${instance.replace(/^:/, 'localhost:')}`
  const layers = clientLayers()
  const sum = http.endpoint<Pair<bigint>, Answer<bigint>>(target, {
    encode: ({ a, b }) => ({ path: '/sum', body: `{"A":${a},"B":${b}}\n` }),
    decode: response => answerOf(response, 0n, () => json.decodeInts(response.text, sumResponse).V),
  })
  const concat = http.endpoint<Pair<string>, Answer<string>>(target, {
    encode: ({ a, b }) => ({ path: '/concat', body: json.encode({ A: a, B: b }) }),
    decode: response => answerOf(response, '', String),
  })
  const bare: AddEndpoints = { sum, concat }
  return {
    sum: layers(30_000)(bare.sum),
    concat: layers(10_000)(bare.concat),
    close: async () => void (await Promise.all([sum.close(), concat.close()])),
  }
}

function answerOf<V>(response: http.EndpointResponse, none: V, read: (v: unknown) => V): Answer<V> {
  const { v, error } = Object(response.json()) as { readonly v?: unknown; readonly error?: unknown } // any object can be asked
  if (response.status === 200) return { v: read(v) }
  if (response.status === 400) return { v: none, err: String(error) }
  throw new CallError<never>(failureOf('unknown', 'ADDSVC_FAILED', String(error)))
}
