// What there is to say about the tokens that are accepted, and what is refused at construction: an option that makes a verifier unsafe is
// found when the program starts, not when somebody has found it first.
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Awaitable, Context } from '../../core/index.js'
import { maxCredentialLength } from '../credential.js'
import type { JwtKey } from './key.js'
import type { KeySource } from './key-source.js'

/** Options of {@link jwt}. */
export interface JwtOptions<
  S extends StandardSchemaV1<unknown, object>,
  P extends object = StandardSchemaV1.InferOutput<S>,
> {
  /** Who issues the tokens: `iss`, letter by letter. */
  readonly issuer: string
  /** Whom they are for: one of these in `aud`. Without it a token for somebody else's service would open this one. */
  readonly audience: string | readonly [string, ...string[]]
  /** What they are signed with: keys, each of one algorithm, or {@link jwks}. Of several each needs a `kid`. */
  readonly keys: JwtKey | readonly JwtKey[] | KeySource
  /** By how much the issuer's clock may differ from ours, in ms: 0 to 30 000. */
  readonly clockToleranceMs: number
  /** What the claims must look like, as a schema of any library. What it does not name, most schemas drop. */
  readonly claims: S
  /**
   * Who that is; `undefined` refuses, as for a user who has been locked. Asked for each call, of remembered tokens, too.
   * @defaultValue the claims, as the schema gives them
   */
  readonly principal?: (claims: StandardSchemaV1.InferOutput<S>, context: Context) => Awaitable<P | undefined>
  /** What a caller without a token is told to get one for: visible ASCII without `"` and `\`. @defaultValue 'api' */
  readonly realm?: string
  /** `'rfc9068'`: only access tokens of that RFC, with `typ: at+jwt` and all their claims. @defaultValue any JWT */
  readonly profile?: 'rfc9068'
  /** The one `typ` that is accepted. @defaultValue `JWT` or none; `at+jwt` with the profile of RFC 9068 */
  readonly typ?: string
  /** How long after `iat` a token is accepted at most, whatever its `exp`, in ms: 1 000 or more. @defaultValue until its `exp` */
  readonly maxAgeMs?: number
  /** The longest token that is looked at, in characters: 256 to 8 192. @defaultValue 4 096 */
  readonly maxLength?: number
  /**
   * How many verified tokens are remembered, so that their signatures are not computed again: 0 to 1 000 000, some 0.4 KB each with few claims. Never past
   * their `exp`, none when the keys change, and none that is bound to a certificate. @defaultValue 0
   */
  readonly maxRemembered?: number
}

/** The options, whatever claims and principals are. */
export type AnyJwtOptions = Omit<JwtOptions<StandardSchemaV1<unknown, object>>, 'principal'> & {
  readonly principal?: unknown
}

/** Throws `TypeError` or `RangeError` for what cannot be, or is not safe. */
export function checkOptions(options: AnyJwtOptions): void {
  const {
    issuer,
    audience,
    keys,
    clockToleranceMs,
    claims,
    principal,
    profile,
    typ,
    maxAgeMs,
    maxLength,
    maxRemembered,
  } = options
  const isName = (value: unknown): boolean => typeof value === 'string' && value !== ''
  if (!isName(issuer)) throw new TypeError('jwt: issuer must be text')
  const audiences: readonly unknown[] = Array.isArray(audience) ? audience : [audience]
  if (audiences.length === 0 || !audiences.every(isName))
    throw new TypeError('jwt: audience must be text, or a list of it')
  if (typeof keys !== 'object' || keys === null) throw new TypeError('jwt: keys must be keys or a source of them')
  inRange('clockToleranceMs', clockToleranceMs, 0, 30_000)
  if (typeof claims?.['~standard']?.validate !== 'function')
    throw new TypeError('jwt: claims must be a Standard Schema')
  if (principal !== undefined && typeof principal !== 'function')
    throw new TypeError('jwt: principal must be a function')
  if (profile !== undefined && profile !== 'rfc9068')
    throw new TypeError(`jwt: profile must be 'rfc9068', got '${String(profile)}'`)
  if (typ !== undefined && !isName(typ)) throw new TypeError('jwt: typ must be text')
  if (typ !== undefined && profile !== undefined) throw new TypeError('jwt: the profile says what typ is')
  inRange('maxAgeMs', maxAgeMs ?? 1_000, 1_000, Number.MAX_SAFE_INTEGER)
  inRange('maxLength', maxLength ?? 256, 256, maxCredentialLength)
  inRange('maxRemembered', maxRemembered ?? 0, 0, 1_000_000)
  if (!Number.isInteger(maxRemembered ?? 0)) throw new RangeError('jwt: maxRemembered must be a whole number')
}

function inRange(name: string, value: number, min: number, max: number): void {
  if (!(typeof value === 'number' && value >= min && value <= max))
    throw new RangeError(`jwt: ${name} must be from ${min} to ${max}, got ${value}`)
}
