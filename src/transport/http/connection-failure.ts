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
])

const unknownAuthority = 'its certificate comes from no authority that is trusted'
/** Why there is no connection, in words, where its code alone says little. */
const explanations: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it speaks no version of TLS that we do',
}

// In TLS 1.3 a client hears only after its first request that the server will not have its certificate; nothing has run then.
const turnedAway =
  /_ALERT_(?:ACCESS_DENIED|BAD_CERTIFICATE|CERTIFICATE_(?:EXPIRED|REQUIRED|REVOKED|UNKNOWN)|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE)\b/

/** The failure of a call whose connection failed. `sent`: whether the request had got onto a connection. */
export function connectionFailure(
  error: unknown,
  { peer, sent }: { readonly peer: string; readonly sent: boolean },
): Failure {
  const code = codeIn(error)
  if (refused.has(code)) {
    return failureOf('unavailable', 'CONNECTION_REFUSED', `${peer} refuses connections`, { ran: 'no', cause: error })
  }
  const inTls = tlsCodeOf(error) ?? code
  const isTurnedAway = turnedAway.test(inTls)
  const explanation = isTurnedAway ? 'it does not accept our certificate' : explanations[inTls]
  if (!sent || explanation !== undefined || unreachable.has(code)) {
    const message = `there is no connection to ${peer}${explanation === undefined ? '' : `: ${explanation}`}`
    return failureOf('unavailable', 'CONNECTION_FAILED', code === '' ? message : `${message} (${code})`, {
      ran: sent && explanation === undefined ? 'maybe' : 'no',
      cause: error,
    })
  }
  return failureOf(
    'unavailable',
    'CONNECTION_LOST',
    `the connection to ${peer} broke${code === '' ? '' : ` (${code})`}`,
    { cause: error },
  )
}

/** What went wrong in TLS where it is only in an error's text: `write EPROTO …:error:0A00010B:SSL routines:…:wrong version number:…`. */
function tlsCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || codeIn(error) !== 'EPROTO') return undefined
  const [, reason] = /:SSL routines:[^:]*:([^:]+)/.exec(error.message) ?? []
  return reason === undefined ? undefined : `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`
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
