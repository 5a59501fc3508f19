// Why a login did not come to its end: told to callers in two words, and in logs without anything that could be used. What the library
// throws may quote tokens and codes, and so only its codes are kept.
import { type Failure, failed, type Left } from '../../core/index.js'

/** The provider is away, slow, or does not know us. */
export function providerUnavailable(cause: string): Left<Failure> {
  return failed('unavailable', 'PROVIDER_UNAVAILABLE', 'the provider that people log in at cannot be asked now', {
    ran: 'no',
    cause,
  })
}

/** It is not proven who that is, or it is nobody we know. */
export function loginRefused(cause: string): Left<Failure> {
  return failed('unauthenticated', 'LOGIN_REFUSED', 'this login was refused', { ran: 'no', cause })
}

/** What came back belongs to no login of this browser. */
export function loginNotBegun(cause: string): Left<Failure> {
  const message = 'this browser has no such login on its way: begin again'
  return failed('failed_precondition', 'LOGIN_NOT_BEGUN', message, { ran: 'no', cause })
}

/** OAuth errors that say nothing about who logs in. */
const providersErrors: ReadonlySet<string> = new Set(['server_error', 'temporarily_unavailable', 'invalid_client'])
/** Codes of openid-client for answers that are none of the protocol. */
const noAnswers = /RESPONSE_IS_NOT|PARSE_ERROR|WWW_AUTHENTICATE|TIMEOUT|ABORT|UNSUPPORTED|HTTP_REQUEST|REQUEST_PROTOCOL/

/** What a failed exchange of the code for tokens means. */
export function loginFailureOf(thrown: unknown): Left<Failure> {
  const { code, error } = partsOf(thrown)
  const cause = causeOf(thrown)
  const isProviders =
    !code.startsWith('OAUTH_') ||
    noAnswers.test(code) ||
    providersErrors.has(error) ||
    (/RESPONSE_BODY/.test(code) && error !== 'invalid_grant')
  return isProviders ? providerUnavailable(cause) : loginRefused(cause)
}

/** Why, in the codes of Node, of openid-client and of OAuth. */
export function causeOf(thrown: unknown): string {
  const { code, error } = partsOf(thrown)
  const inner = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown
  if (code !== '') return error === '' ? code : `${code}: ${error}`
  const { code: innerCode } = partsOf(inner)
  // Without a code it is our own fetch that speaks, which quotes nothing.
  return innerCode === '' && inner instanceof Error ? inner.message : innerCode
}

function partsOf(thrown: unknown): { readonly code: string; readonly error: string } {
  const { code, error } = typeof thrown === 'object' && thrown !== null ? (thrown as Record<string, unknown>) : {} // read by name
  return {
    code: typeof code === 'string' && /^[A-Z_]{1,60}$/.test(code) ? code : '',
    error: typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? error : '',
  }
}
