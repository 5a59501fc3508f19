// What there is to say about tokens that only their issuer can read. What an answer must say has no default: each is a decision, and so is
// leaving it out.
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Awaitable, Context } from '../../core/index.js'
import { functionOption, numberOption, type OptionRule, type OptionRules, optional } from '../../core/option-rules.js'
import { challengeOf, defaultRealm, maxCredentialLength } from '../credential.js'
import { type EndpointOptions, type NetworkOptions, networkRules } from './oauth-endpoint.js'

/** Options of {@link introspection}. */
export interface IntrospectionOptions<
  S extends StandardSchemaV1<unknown, object>,
  P extends object = StandardSchemaV1.InferOutput<S>,
> extends EndpointOptions {
  /** Who must have issued the token: `iss`, letter by letter. `false`: whoever the endpoint speaks for. */
  readonly issuer: string | false
  /** Whom it must be for: one of these in `aud`. `false`: for anybody, so that a token for another service opens this one. */
  readonly audience: string | readonly [string, ...string[]] | false
  /** What it must have been granted, all of it: `scope`. `false`: anything, where `authorize(scopes(…))` asks later. */
  readonly scopes: readonly [string, ...string[]] | false
  /** What the answer must look like, as a schema of any library. What it does not name, most schemas drop. */
  readonly claims: S
  /**
   * Who that is; `undefined` refuses, as for a user who has been locked. Asked for each call, of remembered tokens, too.
   * @defaultValue the answer, as the schema gives it
   */
  readonly principal?: (claims: StandardSchemaV1.InferOutput<S>, context: Context) => Awaitable<P | undefined>
  /** What a caller without a token is told to get one for: visible ASCII without `"` and `\`. @defaultValue 'api' */
  readonly realm?: string
  /**
   * How long a good token is not asked about again, in ms: 0 to 600 000, and never past its `exp`. As long goes on one that has been
   * revoked. @defaultValue 10 000
   */
  readonly maxAgeMs?: number
  /** How long a refused token is not asked about again, in ms: 0 to 600 000. @defaultValue 5 000 */
  readonly refusedMaxAgeMs?: number
  /** How many tokens are remembered, good and refused ones each: 0 to 1 000 000. @defaultValue 10 000 */
  readonly maxRemembered?: number
  /** How many tokens are asked about at the same time: 1 or more. Calls with others fail meanwhile. @defaultValue 1 000 */
  readonly maxAsking?: number
  /** The longest token that is looked at, in characters: 1 to 8 192. @defaultValue 4 096 */
  readonly maxLength?: number
}

type Schema = StandardSchemaV1<unknown, object>

/** What {@link introspection} works with, whatever claims and principals are. */
export type IntrospectionSettings = Omit<
  IntrospectionOptions<Schema>,
  | keyof EndpointOptions
  | 'principal'
  | 'realm'
  | 'maxAgeMs'
  | 'refusedMaxAgeMs'
  | 'maxRemembered'
  | 'maxAsking'
  | 'maxLength'
> &
  Required<NetworkOptions> &
  Required<
    Pick<
      IntrospectionOptions<Schema>,
      'realm' | 'maxAgeMs' | 'refusedMaxAgeMs' | 'maxRemembered' | 'maxAsking' | 'maxLength'
    >
  > & {
    readonly principal: unknown
  }

/** What each option may be, but those of the endpoint. */
export const introspectionRules: OptionRules<IntrospectionSettings> = {
  ...networkRules,
  issuer: textOrFalse('text'),
  audience: listOrFalse('text, or a list of it', { orText: true }),
  scopes: listOrFalse('a list of scopes', { orText: false }),
  claims: {
    must: 'be a Standard Schema',
    allows: value => typeof (value as Partial<Schema>)['~standard']?.validate === 'function', // read where it is one
  },
  principal: optional(functionOption<unknown>()),
  realm: {
    fallback: defaultRealm,
    must: 'be visible ASCII without " and \\',
    allows: value => typeof value === 'string' && challengeOf('Bearer', value) !== '',
  },
  maxAgeMs: numberOption({ fallback: 10_000, min: 0, max: 600_000 }),
  refusedMaxAgeMs: numberOption({ fallback: 5_000, min: 0, max: 600_000 }),
  maxRemembered: numberOption({ fallback: 10_000, min: 0, max: 1_000_000, integer: true }),
  maxAsking: numberOption({ fallback: 1_000, min: 1, integer: true }),
  maxLength: numberOption({ fallback: 4_096, min: 1, max: maxCredentialLength, integer: true }),
}

const isName = (value: unknown): boolean => typeof value === 'string' && value !== ''

function textOrFalse(what: string): OptionRule<string | false> {
  return { must: `be ${what}, or false for any`, allows: value => value === false || isName(value) }
}

function listOrFalse<T>(what: string, { orText }: { readonly orText: boolean }): OptionRule<T> {
  return {
    must: `be ${what}, or false for any`,
    allows: value =>
      value === false || (orText && isName(value)) || (Array.isArray(value) && value.length > 0 && value.every(isName)),
  }
}
