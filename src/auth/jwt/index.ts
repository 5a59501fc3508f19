// "tenon/auth/jwt": bearer tokens that are JWTs, verified and signed, with keys at hand or from a JWK Set. Needs jsonwebtoken; jose only
// for EdDSA.
export type { Algorithm } from './algorithm.js'
export { issuers } from './issuers.js'
export { type Jwks, type JwksOptions, jwks } from './jwks.js'
export { type JwtScheme, jwt } from './jwt.js'
export type { JwtOptions } from './jwt-options.js'
export type { BoundKey, JwtKey } from './key.js'
export type { KeyHint, KeySource } from './key-source.js'
export { type Signer, type SignerOptions, signer } from './signer.js'
