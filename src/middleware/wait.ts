// Waiting inside a call: ends with the wait or with the call, whichever is first, and leaves no timer behind.
import { type Context, type Failure, onCancelled } from '../core/index.js'

/** Waits on the call's clock. Resolves with why the call ended, if it did before the time was over. */
export function wait(context: Context, delayMs: number): Promise<Failure | undefined> {
  return new Promise(resolve => {
    const timer = context.clock.setTimer(() => {
      unlink()
      resolve(undefined)
    }, delayMs)
    const unlink = onCancelled(context, failure => {
      timer.cancel()
      resolve(failure)
    })
  })
}
