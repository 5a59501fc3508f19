// "tenon/auth": who is calling, and what may they do, the same on every transport. Knows no token format: those are entries below.
export { type ApiKeyOptions, apiKey, apiKeys, createApiKey, type StoredApiKey } from './api-key.js'
export { authenticate, authenticateOptional, type MaybeAuthenticated, type Schemes } from './authenticate.js'
export { type Authorization, type AuthorizeOptions, authorize } from './authorize.js'
export { type BasicOptions, basic, type UserAndPassword } from './basic.js'
export { bearerToken, bearerTokenPerCall, type TokenSource } from './bearer-token.js'
export { type CertificateOptions, certificate } from './certificate.js'
export type { CrossSiteOptions } from './cross-site.js'
export { type ForwardCredentialsOptions, forwardCredentials } from './forward-credentials.js'
export type { BearerTokenOptions, IssuedToken } from './kept-token.js'
export { hashPassword, isPassword } from './password.js'
export {
  type Asked,
  allOf,
  anyOf,
  type Combined,
  type Rule,
  roles,
  rule,
  type Scoped,
  scopes,
  type WithRoles,
} from './rule.js'
export { isSameSecret } from './same-secret.js'
export { type PrincipalOf, rejected, type Scheme, type Verdict } from './scheme.js'
