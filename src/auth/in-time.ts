// Waiting for somebody else's code, which may hang: never without a limit.
import type { Awaitable, Clock } from '../core/index.js'

/** How long to wait, and by which clock. */
export interface Patience {
  readonly limitMs: number
  readonly clock: Clock
  /** For the error: `the source`. */
  readonly what: string
}

/** What a wait ends with when its limit has passed. */
export class TookTooLong extends Error {}

/** What `work` gives. Rejects with what it throws, and with {@link TookTooLong}. Leaves no timer behind. */
export function inTime<T>(work: () => Awaitable<T>, { limitMs, clock, what }: Patience): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => reject(new TookTooLong(`${what} took more than ${limitMs} ms`)), limitMs)
    const ended = <V>(pass: (value: V) => void) => {
      return (value: V): void => {
        timer.cancel()
        pass(value)
      }
    }
    const begun = async (): Promise<T> => await work()
    begun().then(ended(resolve), ended(reject))
  })
}
