// Keys and certificates as files hold them. Apart from all that needs Node: browsers' clients share types with those of Node.

/** PEM. */
export type Pem = string | Uint8Array

/** PEM as node:tls wants it. */
export interface PemTexts {
  readonly key?: string
  readonly cert?: string
  readonly ca?: string | string[]
}
