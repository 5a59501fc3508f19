// What an introspection endpoint says of a token (RFC 7662, section 2.2), read as it is meant: `active` alone is not enough for a token
// that was made for somebody else, and whatever is not of its type is no answer.
import { type Confirmation, isBound } from '../confirmation.js'

/** A good token. */
export interface Introspected {
  /** As the schema gave them. */
  readonly claims: object
  /** The scopes that it would need, where it lacks one. */
  readonly missingScopes: string | undefined
  /** What it is bound to, which each call has to show. */
  readonly bound: Confirmation | undefined
}

/** What the token must be. */
export interface Wanted {
  readonly issuer: string | false
  readonly audience: string | readonly [string, ...string[]] | false
  readonly scopes: readonly [string, ...string[]] | false
}

/** What was read. */
export type Reading =
  | { readonly kind: 'malformed'; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string; readonly reason?: string }
  | ({ readonly kind: 'active'; readonly endsAt: number } & Omit<Introspected, 'claims'>)

/** Reads an answer at `now`, in ms by the wall clock. */
export function introspectedOf(body: Readonly<Record<string, unknown>>, wanted: Wanted, now: number): Reading {
  const { active, exp, token_type: type } = body
  if (typeof active !== 'boolean')
    return { kind: 'malformed', why: 'the answer does not say whether the token is active' }
  if (!active) return { kind: 'refused', why: 'the token is not active' }
  const wrong = wrongMember(body)
  if (wrong !== undefined) return { kind: 'malformed', why: `the answer's '${wrong}' is of another type` }
  const endsAt = typeof exp === 'number' ? exp * 1_000 : Number.POSITIVE_INFINITY
  if (now >= endsAt) return { kind: 'refused', why: 'the token has expired', reason: 'TOKEN_EXPIRED' }
  if (typeof type === 'string' && type.toLowerCase() !== 'bearer')
    return { kind: 'refused', why: 'the token is no bearer token' }
  const { issuer, scopes } = wanted
  if (issuer !== false && body['iss'] !== issuer) return { kind: 'refused', why: 'the token is of another issuer' }
  if (!isForUs(body['aud'], wanted.audience)) return { kind: 'refused', why: 'the token is for another audience' }
  const granted = String(body['scope'] ?? '').split(' ')
  const lacks = scopes !== false && !scopes.every(scope => granted.includes(scope))
  const bound = isBound(body) ? { cnf: body['cnf'] } : undefined
  return { kind: 'active', endsAt, missingScopes: lacks ? scopes.join(' ') : undefined, bound }
}

function isForUs(aud: unknown, wanted: Wanted['audience']): boolean {
  if (wanted === false) return true
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return [wanted].flat().some(audience => named.includes(audience))
}

/** The first member that is not as RFC 7662 has it. */
function wrongMember(body: Readonly<Record<string, unknown>>): string | undefined {
  const isText = (value: unknown): boolean => typeof value === 'string'
  const isAudience = (value: unknown): boolean => isText(value) || (Array.isArray(value) && value.every(isText))
  const isTime = (value: unknown): boolean => typeof value === 'number' && value >= 0
  const rules: Readonly<Record<string, (value: unknown) => boolean>> = {
    exp: isTime,
    iss: isText,
    aud: isAudience,
    scope: isText,
    token_type: isText,
  }
  return Object.entries(rules).find(([name, allows]) => body[name] !== undefined && !allows(body[name]))?.[0]
}
