// What every token must say, whoever issues it: the part of RFC 7519, 8725 and 9068 that the libraries leave open. They compare issuer,
// audience and times; that these are there and of their types, nobody else makes sure.

/** What RFC 9068, section 2.2, requires of an access token. */
export const accessTokenClaims = ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'] as const

/**
 * What is wrong with the claims of a token whose signature is good; undefined where they will do.
 *
 * @param required - claims that must be there, `exp` among them
 * @param latest - when a token may have been issued at the latest, in seconds
 */
export function wrongClaim(
  claims: Readonly<Record<string, unknown>>,
  required: readonly string[],
  latest: number,
): string | undefined {
  for (const name of required) if (claims[name] === undefined) return `the claim '${name}' is missing`
  const { exp, iat, nbf, iss, sub, jti, client_id, aud } = claims
  return (
    wrongTime('exp', exp) ??
    wrongTime('iat', iat) ??
    wrongTime('nbf', nbf) ??
    wrongText('iss', iss) ??
    wrongText('sub', sub) ??
    wrongText('jti', jti) ??
    wrongText('client_id', client_id) ??
    (Array.isArray(aud) && aud.every(isText) ? undefined : wrongText('aud', aud)) ??
    (typeof iat === 'number' && iat > latest ? 'the token was issued in the future' : undefined)
  )
}

function wrongTime(name: string, value: unknown): string | undefined {
  const isTime = typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER
  return value === undefined || isTime ? undefined : `the claim '${name}' is no time`
}

function wrongText(name: string, value: unknown): string | undefined {
  return value === undefined || isText(value) ? undefined : `the claim '${name}' is no text`
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
