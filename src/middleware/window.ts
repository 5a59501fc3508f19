// A wait that can be ended early by those it waits for.
import { type Context, onCancelled } from '../core/index.js'

/** Open until its time is over, until it is closed, or until the call that it belongs to has ended. */
export class Window {
  #isClosed = false
  #onClose: (() => void) | undefined

  /** Waits until the window closes, `windowMs` from now at the latest. */
  opened(context: Context, windowMs: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    return new Promise(resolve => {
      const timer = context.clock.setTimer(() => this.close(), windowMs)
      const unlink = onCancelled(context, () => this.close())
      this.#onClose = () => {
        timer.cancel()
        unlink()
        resolve()
      }
      if (this.#isClosed) this.#onClose()
    })
  }

  close(): void {
    this.#isClosed = true
    const onClose = this.#onClose
    this.#onClose = undefined
    onClose?.()
  }
}
