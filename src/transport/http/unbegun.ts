// A generator that is left before it was begun closes nothing: none of it has run. What stands behind a body must be let go of all
// the same, or its call would go on.
import type { Awaitable } from '../../core/index.js'

/** The pieces; `onUnbegun` runs once where they are left before the first was asked for. */
export function closedUnbegun<T>(
  pieces: AsyncGenerator<T, void, undefined>,
  onUnbegun: () => Awaitable<unknown>,
): AsyncIterable<T> {
  let begun = false
  const iterator: AsyncIterator<T, void> = {
    next() {
      begun = true
      return pieces.next()
    },
    async return() {
      const isUnbegun = !begun
      begun = true
      if (isUnbegun) await onUnbegun()
      return pieces.return()
    },
  }
  return { [Symbol.asyncIterator]: () => iterator }
}
