// A failure that leaves a server, as gRPC says it: the code and the message for everybody, and the rest in google.rpc.Status.
import { Metadata as GrpcMetadata } from '@grpc/grpc-js'
import { failureToWire, type MethodSpec, type WireFailure } from '../../contract/index.js'
import type { DomainFailure, Failure, OnDefect } from '../../core/index.js'
import { toWire } from '../json.js'
import { ranHeader } from '../wire-headers.js'
import { anyIn } from './any-details.js'
import { numberOfCode } from './code-number.js'
import type { MessageCodec } from './message-codec.js'
import { type StatusDetails, statusOf } from './status-details.js'

/** How a call ended, for grpc-js. */
export interface SentStatus {
  readonly code: number
  readonly details: string
  readonly metadata: GrpcMetadata
}

/** The method whose call failed. */
export interface FailedMethod {
  /** `shop.v1.Orders`: whose reasons these are. */
  readonly service: string
  /** Undefined where no contract declares failures. */
  readonly spec: MethodSpec | undefined
  readonly failures: ReadonlyMap<string, MessageCodec>
}

/** The most characters of a message in `grpc-message`, where percent-encoding makes up to nine of one; the Status has all of it. */
const maxMessageLength = 1024
/** The most bytes of a Status: half of what Node takes of headers. */
const maxStatusBytes = 32 * 1024

const unencodable: WireFailure = { code: 'internal', reason: 'UNENCODABLE', message: 'internal error', ran: 'maybe' }

/** The status of a call that failed, with the trailers that its handler set. Never throws. */
export function sentStatus(
  failure: Failure | DomainFailure,
  method: FailedMethod,
  { trailers, onDefect }: { readonly trailers?: GrpcMetadata | undefined; readonly onDefect: OnDefect },
): SentStatus {
  const wire = failureToWire(method.spec, failure, onDefect)
  const metadata = trailers ?? new GrpcMetadata()
  let said = wire
  let status: Buffer
  try {
    status = statusOf(detailsOf(wire, method))
    if (status.length > maxStatusBytes) {
      onDefect(new RangeError(`the details of ${wire.reason} are over ${maxStatusBytes} bytes: left out`))
      const { details: _, ...rest } = wire
      status = statusOf(detailsOf({ ...rest, message: rest.message.slice(0, maxMessageLength) }, method))
    }
  } catch (thrown) {
    onDefect(thrown)
    said = unencodable
    status = statusOf(detailsOf(unencodable, method))
  }
  metadata.set('grpc-status-details-bin', status)
  if (said.ran === 'no') metadata.set(ranHeader, 'no')
  if (said.retryAfterMs !== undefined) metadata.set('grpc-retry-pushback-ms', String(Math.ceil(said.retryAfterMs)))
  return { code: numberOfCode(said.code), details: plainMessage(said.message), metadata }
}

/** What grpc-js can percent-encode: it throws at half a surrogate pair. */
function plainMessage(message: string): string {
  return message.slice(0, maxMessageLength).toWellFormed()
}

function detailsOf(wire: WireFailure, { service, failures }: FailedMethod): StatusDetails {
  const { code, reason, message, retryAfterMs, details } = wire
  return {
    code: numberOfCode(code),
    message,
    // A reason that is the code says nothing more.
    ...(reason !== code.toUpperCase() && { reason, domain: service }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(details !== undefined && said(details, failures.get(reason))),
  }
}

function said(details: unknown, codec: MessageCodec | undefined): Pick<StatusDetails, 'details' | 'others'> {
  if (codec !== undefined) return { others: [{ typeName: codec.typeName, bytes: codec.encode(details) }] }
  const object = toWire(details)
  if (typeof object !== 'object' || object === null || Array.isArray(object))
    throw new TypeError('the details of a failure must be an object')
  const { any, ...rest } = object as Readonly<Record<string, unknown>> // as just seen
  const others = anyIn(any)
  if (others === undefined) return { details: { ...object } }
  return { others, ...(Object.keys(rest).length > 0 && { details: rest }) }
}
