// The library openid-client, which speaks OpenID Connect with a provider. Loaded when the first login begins, found when one is constructed,
// so that whoever only asks about tokens need not install it.
import { createRequire } from 'node:module'

/** What the library exports. */
export type OpenidClient = typeof import('openid-client')

let loading: Promise<OpenidClient> | undefined

/** Throws `TypeError` where openid-client is not installed. */
export function needOpenidClient(owner: string): void {
  try {
    createRequire(import.meta.url).resolve('openid-client')
  } catch (thrown) {
    throw new TypeError(`${owner}: install openid-client`, { cause: thrown })
  }
}

/** The library. */
export function openidClient(): Promise<OpenidClient> {
  loading ??= import('openid-client')
  return loading
}
