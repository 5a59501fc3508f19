// What `handler` does between a request and its response: decode, run, encode, and the hooks around them. Whatever a codec or a hook
// throws becomes a failure that is answered: a listener that threw would end the process.
import { validateHeaderName, validateHeaderValue } from 'node:http'
import { failureToWire } from '../../contract/index.js'
import { fromThrown, observe } from '../../core/call-error.js'
import {
  type DomainFailure,
  type Failure,
  failureOf,
  type Incoming,
  incoming,
  isFailure,
  left,
  type OnDefect,
  type Outcome,
  reportDefect,
} from '../../core/index.js'
import { attemptFrom, metadataFrom, timeoutFrom } from '../wire-headers.js'
import type { HandlerOptions, HandlerRequest, HandlerResponse, ServerCodec } from './handler-options.js'
import { framingHeaders, type HttpResponse, headerOf } from './message.js'
import { problemResponse } from './problem.js'

/** A codec and the hooks around it. */
export interface Serving {
  readonly codec: ServerCodec<unknown, unknown, unknown>
  readonly options: HandlerOptions
}

/** A response whose body is whole. */
export interface WholeResponse extends HttpResponse {
  readonly body: string | Uint8Array
}

/** Begins a call. The response never rejects. */
export function begin(
  endpoint: object,
  request: HandlerRequest,
  serving: Serving,
): { readonly response: Promise<WholeResponse>; cancel(failure: Failure): void } {
  let call: Incoming
  try {
    call = incomingOf(request, serving.options)
  } catch (thrown) {
    const { left: failure } = fromThrown(thrown, onDefectOf(serving))
    return { response: Promise.resolve(failedResponse(failure, request, serving)), cancel: () => {} }
  }
  return { response: respond(endpoint, call, { request, serving }), cancel: failure => call.cancel(failure) }
}

function incomingOf({ headers }: HandlerRequest, options: HandlerOptions): Incoming {
  const { deadlineMs = 30_000, onDefect = reportDefect } = options
  const get = (name: string): string | undefined => headerOf(headers, name)
  return incoming({
    deadlineMs: Math.min(timeoutFrom(get) ?? deadlineMs, deadlineMs),
    attempt: attemptFrom(get),
    metadata: () => metadataFrom(headers),
    onDefect,
  })
}

async function respond(
  endpoint: object,
  call: Incoming,
  { request, serving }: { readonly request: HandlerRequest; readonly serving: Serving },
): Promise<WholeResponse> {
  const outcome = await run(endpoint, call, { request, serving })
  if (outcome._tag === 'Left') return failedResponse(outcome.left, request, serving)
  try {
    return toResponse(await serving.codec.encode(outcome.right, request), request, serving)
  } catch (thrown) {
    return failedResponse(fromThrown(thrown, onDefectOf(serving)).left, request, serving)
  }
}

async function run(
  endpoint: object,
  call: Incoming,
  { request, serving }: { readonly request: HandlerRequest; readonly serving: Serving },
): Promise<Outcome> {
  try {
    const decoded = await serving.codec.decode(request)
    const context = (serving.options.before ?? []).reduce((given, hook) => hook(given, request), call.context)
    return await call.run(endpoint, decoded, context)
  } catch (thrown) {
    const { left: failure } = fromThrown(thrown, onDefectOf(serving))
    return left(isFailure(failure) ? { ...failure, ran: 'no' } : failure) // a call's own run throws nothing
  }
}

function failedResponse(failure: Failure | DomainFailure, request: HandlerRequest, serving: Serving): WholeResponse {
  const { codec, options } = serving
  const onDefect = onDefectOf(serving)
  if (options.onFailure !== undefined) observe(options.onFailure, failure, request)
  try {
    if (codec.encodeFailure !== undefined) return toResponse(codec.encodeFailure(failure, request), request, serving)
    return problemOfFailure(failure, onDefect)
  } catch (thrown) {
    onDefect(thrown)
    return problemOfFailure(failureOf('internal', 'DEFECT', 'internal error'), onDefect)
  }
}

/** Without a contract no domain failure is declared: an `encodeFailure` is needed for those. */
function problemOfFailure(failure: Failure | DomainFailure, onDefect: OnDefect): WholeResponse {
  const response = problemResponse(failureToWire(undefined, failure, onDefect))
  return { ...response, body: String(response.body) }
}

/** Throws for what cannot be sent. */
function toResponse(encoded: HandlerResponse, request: HandlerRequest, { options }: Serving): WholeResponse {
  const changed = (options.after ?? []).reduce((given, hook) => hook(given, request), encoded)
  const { status = 200, headers = {}, body = '' } = changed
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new RangeError(`handler: a status must be from 200 to 599, got ${status}`)
  const pairs: string[] = []
  for (const [name, value] of Object.entries(headers)) {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    if (framingHeaders.has(name.toLowerCase())) throw new TypeError(`handler: the header '${name}' is the server's own`)
    pairs.push(name, value)
  }
  return { status, headers: pairs, body }
}

function onDefectOf({ options }: Serving): OnDefect {
  return options.onDefect ?? reportDefect
}
