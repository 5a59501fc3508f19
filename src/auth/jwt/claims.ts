// What every token must say, whoever issues it: the part of RFC 7519, 8725 and 9068 that the libraries leave open. They compare issuer,
// audience and times; that these are there and of their types, nobody else makes sure.

/** What claims are checked against. */
export interface ClaimRules {
  /** By the call's clock, in whole seconds. */
  readonly now: number
  readonly tolerance: number
  /** Claims that must be there, `exp` among them. */
  readonly required: readonly string[]
}

/** What RFC 9068, section 2.2, requires of an access token. */
export const accessTokenClaims = ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'] as const

const times = ['exp', 'iat', 'nbf'] as const
const texts = ['iss', 'sub', 'jti', 'client_id'] as const

/** What is wrong with the claims of a token whose signature is good; undefined where they will do. */
export function wrongClaim(claims: Readonly<Record<string, unknown>>, rules: ClaimRules): string | undefined {
  const { now, tolerance, required } = rules
  for (const name of required) if (claims[name] === undefined) return `the claim '${name}' is missing`
  for (const name of times)
    if (claims[name] !== undefined && !isTime(claims[name])) return `the claim '${name}' is no time`
  for (const name of texts)
    if (claims[name] !== undefined && !isText(claims[name])) return `the claim '${name}' is no text`
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
