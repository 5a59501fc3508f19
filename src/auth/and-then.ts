// Going on with a value that may be there already: most tokens are verified without a promise, and should cost none.
import type { Awaitable } from '../core/index.js'

/** Calls `next` with the value: at once, or when it is there. */
export function andThen<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}
