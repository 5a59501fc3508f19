// The one way in which this folder waits for somebody else's promise: never without a limit, since a process that cannot be
// stopped is killed, and what is killed loses its calls.
import type { Clock } from '../core/index.js'

/** Whether `work` ends, well or not, within `limitMs` of now. Leaves no timer behind. */
export function within(work: Promise<unknown>, limitMs: number, clock: Clock): Promise<boolean> {
  return new Promise(resolve => {
    const timer = clock.setTimer(() => resolve(false), limitMs)
    const ended = () => {
      timer.cancel()
      resolve(true)
    }
    work.then(ended, ended)
  })
}

/** Starts `work` now; what it throws at once becomes a rejection. */
export async function attempt<T>(work: () => T | PromiseLike<T>): Promise<T> {
  return await work()
}

/** A promise, and what resolves it. */
export interface Latch<T = void> {
  readonly opened: Promise<T>
  readonly open: (value: T) => void
}

/** Makes a {@link Latch}. */
export function latch<T = void>(): Latch<T> {
  let open = (_: T): void => {}
  const opened = new Promise<T>(resolve => {
    open = resolve
  })
  return { opened, open }
}
