// The library jose, for what jsonwebtoken does not know: Ed25519. Loaded when the first such token comes, found when the first such key
// is constructed, so that whoever has none of them need not install it.
import { createRequire } from 'node:module'

let loading: Promise<typeof import('jose')> | undefined

/** Throws `TypeError` where jose is not installed. */
export function needJose(owner: string): void {
  try {
    createRequire(import.meta.url).resolve('jose')
  } catch (thrown) {
    throw new TypeError(`${owner}: install jose for EdDSA`, { cause: thrown })
  }
}

/** The library. */
export function jose(): Promise<typeof import('jose')> {
  loading ??= import('jose')
  return loading
}
