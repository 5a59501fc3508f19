// What every token must say, whoever issues it: the part of RFC 7519, 8725 and 9068 that the libraries leave open. They compare issuer,
// audience and times; that these are there and of their types, nobody else makes sure.

/** What claims are checked against. */
export interface ClaimRules {
  /** By the call's clock, in whole seconds. */
  readonly now: number
  readonly tolerance: number
  /** Claims that must be there beside `exp`. */
  readonly required: readonly string[]
}

/** What RFC 9068, section 2.2, requires of an access token. */
export const accessTokenClaims = ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'] as const

const times = ['exp', 'iat', 'nbf'] as const
const texts = ['iss', 'sub', 'jti', 'client_id'] as const

/** What is wrong with the claims of a token whose signature is good; undefined where they will do. */
export function wrongClaim(claims: Readonly<Record<string, unknown>>, rules: ClaimRules): string | undefined {
  const { now, tolerance, required } = rules
  const missing = ['exp', ...required].find(name => claims[name] === undefined)
  if (missing !== undefined) return `the claim '${missing}' is missing`
  const noTime = times.find(name => claims[name] !== undefined && !isTime(claims[name]))
  if (noTime !== undefined) return `the claim '${noTime}' is no time`
  const noText = texts.find(name => claims[name] !== undefined && !isText(claims[name]))
  if (noText !== undefined) return `the claim '${noText}' is no text`
  const { aud, iat } = claims
  if (aud !== undefined && !isText(aud) && !(Array.isArray(aud) && aud.every(isText)))
    return `the claim 'aud' is no text`
  if (typeof iat === 'number' && iat > now + tolerance) return 'the token was issued in the future'
  return undefined
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
