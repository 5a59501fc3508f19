// What is remembered of a call under its idempotency key, as text in a store.
import {
  type DomainFailure,
  type Failure,
  failureOf,
  isFailure,
  left,
  type Outcome,
  type Reply,
  right,
} from '../core/index.js'
import { fromText, toText } from './plain-json.js'

/** Turns responses into text and back. */
export interface AnswerCodec {
  /** May throw for a response that cannot be kept. */
  encode(response: unknown): string
  /** The response of a text that `encode` made. */
  /** The response that `encode` made the text of. */
  decode(text: string): unknown
}

/** JSON, with dates, bigints and bytes as they were. */
export const plainCodec: AnswerCodec = { encode: response => toText(response), decode: fromText }

/** A call under way, or its answer. */
export interface Kept {
  /** Whose run it is: no other may change it. */
  readonly token: string
  /** Of the request. */
  readonly fingerprint: string
  /** The response, where that is the answer. */
  readonly response?: string
  /** The failure, where that is the answer. */
  readonly failure?: string
  readonly status?: number
  readonly headers?: readonly (readonly [string, string])[]
  readonly trailers?: readonly (readonly [string, string])[]
}

/** Whether the call has its answer. */
export function isAnswered({ response, failure }: Kept): boolean {
  return response !== undefined || failure !== undefined
}

/** An outcome with what was said beside it, except cookies: they are somebody's secrets. Throws for one that cannot be kept. */
export function keptOf(
  outcome: Outcome,
  reply: Reply | undefined,
  codec: AnswerCodec,
): Omit<Kept, 'token' | 'fingerprint'> {
  if (outcome._tag === 'Left') return { failure: failureText(outcome.left) }
  return {
    response: codec.encode(outcome.right),
    ...(reply?.status !== undefined && { status: reply.status }),
    ...(reply !== undefined && { headers: [...reply.headers], trailers: [...reply.trailers] }),
  }
}

/** What is remembered where the answer itself cannot be: that there was one. */
export function lostAnswer(cause: unknown): Omit<Kept, 'token' | 'fingerprint'> {
  const message = `the call has run, but its answer could not be kept: ${cause instanceof Error ? cause.message : 'unknown'}`
  return { failure: failureText(failureOf('internal', 'IDEMPOTENCY_ANSWER_NOT_KEPT', message)) }
}

/** The outcome that was kept; what was said beside it is said again. */
export function replayed(
  { response, failure, status, headers = [], trailers = [] }: Kept,
  reply: Reply,
  codec: AnswerCodec,
): Outcome {
  for (const [name, value] of headers) reply.header(name, value)
  for (const [name, value] of trailers) reply.trailer(name, value)
  if (status !== undefined) reply.status = status
  reply.header('idempotent-replayed', 'true')
  if (failure !== undefined) return left(fromText(failure) as Failure | DomainFailure) // as it was kept
  return right(codec.decode(response ?? ''))
}

function failureText(failure: Failure | DomainFailure): string {
  if (!isFailure(failure)) return toText(failure)
  const { cause, ...told } = failure
  return toText(told)
}
