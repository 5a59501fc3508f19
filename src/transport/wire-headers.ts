// What travels beside a message on every transport whose metadata are names and values: time left, attempt, and what a
// receiver may see of the rest.
import { CallError, type Context, type Failure, failureOf, type Metadata } from '../core/index.js'

/** Milliseconds that the caller still waits. */
export const timeoutHeader = 'tenon-timeout-ms'
/** `2;max=3`: which attempt this is, so that a callee knows that its caller retries. */
export const attemptHeader = 'tenon-attempt'
/** `no`: the failure came before the work began. */
export const ranHeader = 'tenon-ran'
/** Milliseconds to wait before another attempt. */
export const retryAfterHeader = 'tenon-retry-after-ms'
/** Before the name of a trailer where the transport has no trailers. */
export const trailerPrefix = 'tenon-trailer-'

/** The longest that a caller may ask to wait, in ms; about 31 years, so that sums stay exact. */
const maxTimeoutMs = 1e12

const grpcUnits: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }

/**
 * How long the caller still waits, in ms; undefined where it does not say. Understands `tenon-timeout-ms`, `grpc-timeout` and
 * `connect-timeout-ms`, in this order. Throws `CallError` `invalid_argument`/`INVALID_METADATA` for what is no time.
 */
export function timeoutFrom(get: (name: string) => string | undefined): number | undefined {
  const own = get(timeoutHeader) ?? get('connect-timeout-ms')
  if (own !== undefined) {
    if (!/^\d{1,12}$/.test(own)) throw invalid(timeoutHeader)
    return Number(own)
  }
  const grpc = get('grpc-timeout')
  if (grpc === undefined) return undefined
  const ms = grpcTimeoutMs(grpc)
  if (ms === undefined) throw invalid('grpc-timeout')
  return Math.min(maxTimeoutMs, ms)
}

/** A `grpc-timeout` in ms: at most eight digits and a unit. Undefined for anything else. */
export function grpcTimeoutMs(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? []
  const unitMs = unit === undefined ? undefined : grpcUnits[unit]
  return unitMs === undefined ? undefined : Number(digits) * unitMs
}

/** Which attempt of its caller a call is, and how many there may be; 1 where it does not say. */
export interface Attempts {
  readonly attempt: number
  readonly maxAttempts: number
}

const once: Attempts = { attempt: 1, maxAttempts: 1 }

/** Reads {@link attemptHeader}. Throws as {@link timeoutFrom}. */
export function attemptsFrom(get: (name: string) => string | undefined): Attempts {
  const value = get(attemptHeader)
  if (value === undefined) return once
  const [, digits, most = '1'] = /^([1-9]\d{0,5})(?:;max=(\d{1,6}))?(?:;.*)?$/.exec(value) ?? []
  if (digits === undefined) throw invalid(attemptHeader)
  const attempt = Number(digits)
  return { attempt, maxAttempts: Math.max(attempt, Number(most)) }
}

/** Does not repeat the value: whoever mixed headers up may have put a secret there. */
function invalid(name: string): CallError<never> {
  return new CallError<never>(
    failureOf('invalid_argument', 'INVALID_METADATA', `${name} cannot be read`, { ran: 'no' }),
  )
}

/** What a call sends beside its message, apart from what the transport itself needs. */
export function outgoingOf(context: Context): [name: string, value: string][] {
  const sent: [string, string][] = [[timeoutHeader, String(Math.max(1, Math.floor(context.remainingMs)))]]
  const { attempt, maxAttempts } = context
  if (attempt > 1 || maxAttempts > 1) sent.push([attemptHeader, `${attempt};max=${Math.max(attempt, maxAttempts)}`])
  for (const pair of context.outgoing) sent.push(pair)
  return sent
}

/** Metadata from headers: lower-case names, several values joined by `', '`. */
export function metadataFrom(headers: Readonly<Record<string, string | readonly string[] | undefined>>): Metadata {
  const metadata = new Map<string, string>()
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined) metadata.set(name, typeof value === 'string' ? value : value.join(', '))
  }
  return metadata
}

/** A failure of a transport's own making, before the work began. */
export function notRun(code: Failure['code'], reason: string, message: string): Failure {
  return failureOf(code, reason, message, { ran: 'no' })
}
