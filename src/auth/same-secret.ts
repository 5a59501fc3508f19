// Comparing secrets in a time that tells nothing about them.
import { createHash, timingSafeEqual } from 'node:crypto'

/**
 * Whether two secrets are the same. Takes the same time wherever they differ, and whatever their lengths are (of the one that is given
 * by the caller, it grows with the length, as hashing does).
 */
export function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b))
}

/** SHA-256 as lower-case hex. For secrets of full entropy only: passwords need {@link hashPassword}. */
export function sha256(text: string): string {
  return digest(text).toString('hex')
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest()
}
