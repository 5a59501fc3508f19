// API keys: long random words that a program shows with each call. Only their hash is kept, so that who reads the table cannot call; a
// plain hash will do, since there is nothing to guess in 256 random bits.
import { randomBytes } from 'node:crypto'
import type { Awaitable, Context } from '../core/index.js'
import { sha256 } from './same-secret.js'
import { type Scheme, verdictOf } from './scheme.js'

/** Options of {@link apiKey}. */
export interface ApiKeyOptions<P> {
  /**
   * Whose key has this hash, `undefined` for nobody's: {@link apiKeys} looks it up in a list, a database in a table. It is looked up by
   * its hash, so that how long that takes tells nothing about a key.
   */
  readonly find: (hash: string, context: Context) => Awaitable<P | undefined>
  /** The metadata that has it, in lower case. @defaultValue 'x-api-key' */
  readonly header?: string
}

/** A key that is good, as it is kept. */
export interface StoredApiKey<P> {
  /** What {@link createApiKey} gave: SHA-256 as 64 lower-case hex digits. */
  readonly hash: string
  /** Who shows it. */
  readonly principal: P
  /** From when on it is no longer good: ms since the Unix epoch, by the call's clock. @defaultValue it is good until it is taken from the list */
  readonly expiresAt?: number
}

/**
 * A scheme for API keys, in `x-api-key` or another header. A key that nobody has fails with `unauthenticated`/`CREDENTIALS_REJECTED`.
 *
 * To rotate a key, have both, the new one and the old one with its `expiresAt`, for a while.
 */
export function apiKey<P extends object>({ find, header = 'x-api-key' }: ApiKeyOptions<P>): Scheme<P> {
  if (typeof find !== 'function') throw new TypeError('apiKey: find must be a function')
  if (!/^[a-z0-9_.-]+$/.test(header)) throw new TypeError(`apiKey: '${header}' is no name of metadata in lower case`)
  return {
    name: 'apiKey',
    verify(context) {
      const key = context.metadata.get(header)
      if (key === undefined) return undefined
      return verdictOf(find(sha256(key), context), 'nobody has this API key, or it has expired')
    },
  }
}

/** Looks keys up in a list: the `find` of {@link apiKey}. Throws `TypeError` for a hash that is none, and for one that is there twice. */
export function apiKeys<P extends object>(keys: readonly StoredApiKey<P>[]): ApiKeyOptions<P>['find'] {
  const byHash = new Map<string, StoredApiKey<P>>()
  for (const [i, key] of keys.entries()) {
    if (typeof key?.hash !== 'string' || !/^[0-9a-f]{64}$/.test(key.hash))
      throw new TypeError(`apiKeys: the hash of key ${i} must be 64 lower-case hex digits`)
    if (byHash.has(key.hash)) throw new TypeError(`apiKeys: key ${i} is there twice`)
    byHash.set(key.hash, key)
  }
  return (hash, { clock }) => {
    const key = byHash.get(hash)
    if (key?.expiresAt !== undefined && clock.wallTime() >= key.expiresAt) return undefined
    return key?.principal
  }
}

/**
 * Makes a key of 256 random bits: show `key` once to whoever will call, and keep `hash`. The prefix tells people and scanners for leaked
 * secrets whose key it is: `shop_…`. Throws `TypeError` for a prefix outside `[a-z0-9]{1,16}`.
 */
export function createApiKey(prefix: string): { readonly key: string; readonly hash: string } {
  if (!/^[a-z0-9]{1,16}$/.test(prefix)) throw new TypeError(`createApiKey: '${prefix}' must be 1 to 16 of a-z and 0-9`)
  const key = `${prefix}_${randomBytes(32).toString('base64url')}`
  return { key, hash: sha256(key) }
}
