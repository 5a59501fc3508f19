// What it means that a connection failed: above all, whether the server can have begun the work.
import { type Failure, failureOf } from '../../core/index.js'

// A connection never came about, so the request never left.
const refused: ReadonlySet<string> = new Set(['ECONNREFUSED'])
const unreachable: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EADDRNOTAVAIL',
  'EMFILE',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** The failure of a call whose connection failed. `sent`: whether the request had got onto a connection. */
export function connectionFailure(
  error: unknown,
  { peer, sent }: { readonly peer: string; readonly sent: boolean },
): Failure {
  const code = codeIn(error)
  if (refused.has(code)) {
    return failureOf('unavailable', 'CONNECTION_REFUSED', `${peer} refuses connections`, { ran: 'no', cause: error })
  }
  if (!sent || unreachable.has(code)) {
    return failureOf(
      'unavailable',
      'CONNECTION_FAILED',
      `there is no connection to ${peer}${code === '' ? '' : ` (${code})`}`,
      {
        ran: sent ? 'maybe' : 'no',
        cause: error,
      },
    )
  }
  return failureOf(
    'unavailable',
    'CONNECTION_LOST',
    `the connection to ${peer} broke${code === '' ? '' : ` (${code})`}`,
    { cause: error },
  )
}

/** The error's code; of the several that trying several addresses gives, the first; Node's fetch wraps it once. */
function codeIn(error: unknown): string {
  const own = ownCodeOf(error)
  return own === '' && error instanceof Error ? ownCodeOf(error.cause) : own
}

function ownCodeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return ''
  if ('code' in error && typeof error.code === 'string') return error.code
  if ('errors' in error && Array.isArray(error.errors)) return ownCodeOf(error.errors[0])
  return ''
}
