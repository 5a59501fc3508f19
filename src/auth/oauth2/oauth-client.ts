// Who this program is to an authorization server (RFC 6749, section 2.3; RFC 7523), proven in each request that it makes there.
import type { Awaitable } from '../../core/index.js'
import { isToken68 } from '../credential.js'
import type { FetchBounds } from '../fetch-text.js'
import type { IssuedToken } from '../kept-token.js'

/** A client that shares a secret with the server. */
export interface SecretClient {
  /** `client_id`. */
  readonly id: string
  /** `client_secret`. */
  readonly secret: string
  /** `client_secret_basic`, or `client_secret_post` for servers that know no other. @defaultValue 'header' */
  readonly secretIn?: 'header' | 'body'
}

/** A client that signs who it is: `private_key_jwt`. */
export interface AssertionClient {
  /** `client_id`. */
  readonly id: string
  /**
   * A new assertion for each request: `() => tokens.sign()`, of a `signer` of `tenon/auth/jwt` with the private key, `issuer` and the claim
   * `sub` both `id`, the server's issuer or the endpoint as `audience`, and a `ttlMs` of a minute.
   */
  readonly assertion: () => Awaitable<IssuedToken>
}

/** How this program proves who it is. */
export type OAuthClient = SecretClient | AssertionClient

/** Throws `TypeError` for a client that could prove nothing. Names no secret. */
export function checkClient(client: OAuthClient, owner: string): void {
  const { id } = client ?? {}
  if (typeof id !== 'string' || id === '') throw new TypeError(`${owner}: client needs an id`)
  if ('assertion' in client) {
    if (typeof client.assertion !== 'function') throw new TypeError(`${owner}: client.assertion must be a function`)
    if ('secret' in client) throw new TypeError(`${owner}: client has a secret or signs, not both`)
    return
  }
  const { secret, secretIn = 'header' } = client
  if (typeof secret !== 'string' || secret === '')
    throw new TypeError(`${owner}: client needs a secret or an assertion`)
  if (secretIn !== 'header' && secretIn !== 'body')
    throw new TypeError(`${owner}: client.secretIn must be 'header' or 'body'`)
}

/** A request in the making. */
export interface Proving {
  readonly body: URLSearchParams
  readonly headers: Headers
  /** How long an assertion is waited for: it may come from elsewhere, and so may never come. */
  readonly bounds: Pick<FetchBounds, 'timeoutMs' | 'clock'>
}

/** Adds to a request what proves who sends it. Rejects where the assertion cannot be had in time. */
export async function prove(client: OAuthClient, { body, headers, bounds }: Proving): Promise<void> {
  if ('assertion' in client) {
    const { token } = await inTime(client.assertion, bounds)
    if (!isToken68(token)) throw new TypeError('the client’s assertion is no token')
    body.set('client_id', client.id)
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    body.set('client_assertion', token)
  } else if (client.secretIn === 'body') {
    body.set('client_id', client.id)
    body.set('client_secret', client.secret)
  } else {
    const credentials = `${formEncoded(client.id)}:${formEncoded(client.secret)}`
    headers.set('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`)
  }
}

/** As RFC 6749, section 2.3.1, has both halves. */
function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}

function inTime<T>(asked: () => Awaitable<T>, { timeoutMs, clock }: Proving['bounds']): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new Error(`the client’s assertion took more than ${timeoutMs} ms`))
    const timer = clock.setTimer(late, timeoutMs)
    const answered = async (): Promise<T> => asked()
    answered()
      .then(resolve, reject)
      .finally(() => timer.cancel())
  })
}
