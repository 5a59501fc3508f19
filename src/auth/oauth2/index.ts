// "tenon/auth/oauth2": tokens of an authorization server: asked about, got, exchanged; and browsers logged in through it. Only the login needs
// openid-client.

export { type ClientCredentialsOptions, clientCredentials } from './client-credentials.js'
export { introspection } from './introspection.js'
export type { IntrospectionOptions } from './introspection-options.js'
export { type Login, login } from './login.js'
export type { CallbackRequest, LoginRequest, Redirected } from './login-flow.js'
export type { LoggedIn, LoginOptions, LoginSessions } from './login-options.js'
export type { AssertionClient, OAuthClient, SecretClient } from './oauth-client.js'
export type { EndpointOptions, NetworkOptions } from './oauth-endpoint.js'
export { type TokenExchangeOptions, tokenExchange } from './token-exchange.js'
export type { TokenRequestOptions } from './token-request.js'
