// How a call ended that was not answered with a message: a failure of ours as it was, what other makers' servers say, and what grpc-js
// itself says of connections, which has only its words to be told by.
import type { StatusObject } from '@grpc/grpc-js'
import { failureFromWire, type MethodSpec, plainFailureFromWire, type WireFailure } from '../../contract/index.js'
import { type Awaitable, type DomainFailure, type Failure, failureOf } from '../../core/index.js'
import { ranHeader } from '../wire-headers.js'
import { anyDetails } from './any-details.js'
import { codeOfNumber } from './code-number.js'
import type { MessageCodec } from './message-codec.js'
import { entryOf } from './metadata.js'
import { readStatus, type StatusDetails } from './status-details.js'

/** What was called. */
export interface Called {
  readonly peer: string
  /** Undefined where there is no contract. */
  readonly spec: MethodSpec | undefined
  readonly failures: ReadonlyMap<string, MessageCodec>
  /** Whether headers, and with them perhaps messages, had come. */
  readonly hasHeaders: boolean
  readonly isRequestStreamed: boolean
  readonly isResponseStreamed: boolean
  /** The most bytes of a message that we take. */
  readonly maxMessageBytes: number
}

/** The failure that a status is. */
export function receivedFailure(status: StatusObject, called: Called): Awaitable<Failure | DomainFailure> {
  const { spec, peer } = called
  const told = readDetails(status)
  if (told?.reason === undefined || !/^[A-Za-z]\w*$/.test(told.reason)) return bareFailure(status, called, told)
  let wire: WireFailure
  try {
    wire = {
      code: codeOfNumber(status.code),
      reason: told.reason,
      message: told.message === '' ? status.details : told.message,
      ran: entryOf(status.metadata, ranHeader) === 'no' ? 'no' : 'maybe',
      ...retryAfter(status, told),
      ...detailsOf(told, called),
    }
  } catch (cause) {
    return failureOf('internal', 'INVALID_RESPONSE', `${peer} answered with details that are no ${told.reason}`, {
      peer,
      cause,
    })
  }
  return spec === undefined ? plainFailureFromWire(wire, peer) : failureFromWire(spec, wire, peer)
}

/** Undefined where there is no Status, or it cannot be read: the code and the message still hold. */
function readDetails({ metadata }: StatusObject): StatusDetails | undefined {
  const [bytes] = metadata.get('grpc-status-details-bin')
  if (!Buffer.isBuffer(bytes)) return undefined
  try {
    return readStatus(bytes)
  } catch {
    return undefined
  }
}

function detailsOf({ reason = '', details, others = [] }: StatusDetails, { failures }: Called): { details?: unknown } {
  const codec = failures.get(reason)
  if (codec === undefined) return plainDetails({ details, others })
  const [message] = others
  if (message === undefined && details !== undefined) return { details }
  return { details: codec.decode(message?.bytes ?? new Uint8Array()) }
}

function plainDetails(
  told: Pick<StatusDetails, 'others'> & { readonly details?: StatusDetails['details'] | undefined },
): {
  details?: Readonly<Record<string, unknown>>
} {
  const { details, others = [] } = told
  if (others.length === 0) return details === undefined ? {} : { details }
  return { details: { ...details, ...anyDetails(others) } }
}

/** No more attempts, in ms: longer than anybody waits. */
const never = 1e12

/** The longer of both ways to say it: that of whole milliseconds is rounded up, and alone can say never. */
function retryAfter({ metadata }: StatusObject, told: StatusDetails | undefined): { readonly retryAfterMs?: number } {
  const text = entryOf(metadata, 'grpc-retry-pushback-ms')
  const exact = told?.retryAfterMs
  if (text === undefined) return exact === undefined ? {} : { retryAfterMs: exact }
  const pushback = /^\d{1,12}$/.test(text) ? Number(text) : never // gRFC A6: anything else is never
  return { retryAfterMs: exact !== undefined && pushback <= Math.ceil(exact) ? exact : pushback }
}

/** Of another maker's server, or of grpc-js itself: there is no reason but the code. */
function bareFailure(status: StatusObject, called: Called, told: StatusDetails | undefined): Failure {
  const { peer, isRequestStreamed, hasHeaders } = called
  const { details: text } = status
  const local = localFailure(status, called)
  if (local !== undefined) return local
  const code = codeOfNumber(status.code)
  const parts = {
    peer,
    ...retryAfter(status, told),
    ...(told !== undefined && plainDetails({ details: told.details, others: told.others ?? [] })),
  }
  if (code === 'resource_exhausted' && tooLarge.test(text))
    return failureOf(code, 'BODY_TOO_LARGE', text, { ...parts, ran: isRequestStreamed ? 'maybe' : 'no' })
  if (code === 'unimplemented' && !hasHeaders) return failureOf(code, 'ROUTE_NOT_FOUND', text, { ...parts, ran: 'no' })
  const ran = entryOf(status.metadata, ranHeader) === 'no' ? 'no' : 'maybe'
  return failureOf(code, code.toUpperCase(), text, { ...parts, ran })
}

// How grpc-js, grpc-go, grpc-java and gRPC's core say it.
const tooLarge = /larger than max|exceeds maximum size|decompresses to a size larger than/

/** What grpc-js says without having heard of the server: its statuses have no metadata. */
function localFailure(status: StatusObject, called: Called): Failure | undefined {
  const { code, details: text = '', metadata }: Partial<StatusObject> = status
  if (metadata !== undefined && Object.keys(metadata.getMap()).length > 0) return httpFailure(status, called)
  const { peer, hasHeaders, maxMessageBytes } = called
  const cause = new Error(text)
  // So grpc-js ends calls whose messages it cannot unpack: without a code, whatever its types say.
  if (code === undefined)
    return failureOf('internal', 'UNEXPECTED_RESPONSE', `${peer} sent a message packed in a way that it does not say`, {
      peer,
    })
  if (/ECONNREFUSED/.test(text))
    return failureOf('unavailable', 'CONNECTION_REFUSED', `${peer} refuses connections`, { ran: 'no', cause })
  if (unconnected.test(text)) {
    return failureOf('unavailable', 'CONNECTION_FAILED', `there is no connection to ${peer}: ${text}`, {
      ran: 'no',
      cause,
    })
  }
  if (text === 'Stream refused by server')
    return failureOf('unavailable', 'CONNECTION_LOST', `${peer} refused the stream`, { ran: 'no', cause })
  if (broken.test(text)) {
    if (hasHeaders && called.isResponseStreamed)
      return failureOf('unavailable', 'STREAM_BROKEN', `the stream from ${peer} broke off: ${text}`, { peer, cause })
    return failureOf('unavailable', 'CONNECTION_LOST', `the connection to ${peer} broke: ${text}`, { cause })
  }
  if (hasHeaders && tooLarge.test(text) && text.includes(String(maxMessageBytes))) {
    return failureOf(
      'resource_exhausted',
      'RESPONSE_TOO_LARGE',
      `a message of ${peer} is over ${maxMessageBytes} bytes`,
      {
        peer,
        cause,
      },
    )
  }
  if (unreadable.test(text))
    return failureOf('internal', 'UNEXPECTED_RESPONSE', `${peer} does not speak gRPC: ${text}`, { peer, cause })
  return httpFailure(status, called)
}

const unconnected =
  /^No connection established|^Name resolution failed|^Failed to (?:connect|start HTTP\/2 stream)|^Channel closed/
const broken =
  /^Connection dropped|ECONNRESET|ETIMEDOUT|EPIPE|^Received RST_STREAM with code 2 |^Write (?:error|failed)/
const unreadable =
  /^Failed to decompress|^Received compressed message|^Compression method not supported|^No status information|Call ended without gRPC status/

/** An answer that is HTTP and not gRPC: of a proxy, or of another server. */
function httpFailure({ code, details: text }: StatusObject, { peer }: Called): Failure | undefined {
  const [, status] = /^Received HTTP status code (\d{3})/.exec(text) ?? []
  if (status === undefined) return undefined
  const options = { peer, details: { status: Number(status) } }
  return failureOf(codeOfNumber(code), 'UNEXPECTED_RESPONSE', `${peer} answered with HTTP status ${status}`, options)
}
