// What a token is asked for, the same for a service's own tokens and for exchanged ones.
import { numberOption, type OptionRule, type OptionRules, optional } from '../../core/option-rules.js'
import { type EndpointOptions, type NetworkOptions, networkRules } from './oauth-endpoint.js'

/** What is asked of a token endpoint. */
export interface TokenRequestOptions extends EndpointOptions {
  /** What the token is to allow: `scope`. @defaultValue what the server grants by itself */
  readonly scopes?: readonly string[]
  /** For which service, as a URL: `resource` of RFC 8707. @defaultValue what the server decides */
  readonly resource?: string
  /** For which service, by a name that the server knows: `audience`. @defaultValue what the server decides */
  readonly audience?: string
  /** How long a token lives whose answer does not say, in ms; more than 0. @defaultValue such an answer is refused */
  readonly ttlMs?: number
}

/** The options but those of the endpoint. */
export type TokenRequestSettings = Required<NetworkOptions> & {
  readonly [K in 'scopes' | 'resource' | 'audience' | 'ttlMs']: TokenRequestOptions[K] | undefined
}

/** What they may be. */
export const tokenRequestRules: OptionRules<TokenRequestSettings> = {
  ...networkRules,
  scopes: optional({
    must: 'be a list of scopes',
    allows: value =>
      Array.isArray(value) &&
      value.every(scope => typeof scope === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)),
  } satisfies OptionRule<readonly string[]>),
  resource: optional({
    must: 'be an absolute URL without fragment',
    allows: value => typeof value === 'string' && URL.canParse(value) && !value.includes('#'),
  } satisfies OptionRule<string>),
  audience: optional({
    must: 'be text',
    allows: value => typeof value === 'string' && value !== '',
  } satisfies OptionRule<string>),
  ttlMs: optional(numberOption({ above: 0 })),
}

/** The fields of the form. */
export function tokenForm({ scopes = [], resource, audience }: TokenRequestSettings): Readonly<Record<string, string>> {
  return {
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    ...(resource !== undefined && { resource }),
    ...(audience !== undefined && { audience }),
  }
}
