// How many bytes a stream has handed to its connection that have not gone out: above a limit its sender waits, so that a peer that
// reads slowly costs a bounded amount of memory.

/** How much may wait to be sent, in bytes; one message always may. */
const highWaterBytes = 64 * 1024

/** What has been handed over and has not gone out. */
export class Unsent {
  #bytes = 0
  #resolve: (() => void) | undefined

  /** `bytes` more; returns what to call when they have gone out. */
  add(bytes: number): () => void {
    this.#bytes += bytes
    return () => {
      this.#bytes -= bytes
      if (this.#bytes < highWaterBytes) this.release()
    }
  }

  /** Undefined where there is room; else a promise of it. */
  room(): Promise<void> | undefined {
    if (this.#bytes < highWaterBytes) return undefined
    return new Promise(resolve => {
      this.#resolve = resolve
    })
  }

  /** Nothing goes out any more: whoever waits need not. */
  release(): void {
    this.#resolve?.()
    this.#resolve = undefined
  }
}
