// A request of node:http that says when its body is here, as most are with the piece of data that brought the headers. Listeners for
// data, end, error and close, put on and taken off again for each POST, cost more of its CPU time than parsing the body.
import { IncomingMessage } from 'node:http'

/** A request, as the servers of this folder have node:http make them. */
export class ArrivingMessage extends IncomingMessage {
  #listener: (() => void) | undefined = undefined

  /** Tells once: when it is `complete` or cut off, or has to be read for more of it to come, or comes in pieces that had better be. */
  whenHere(listener: () => void): void {
    if (this.complete || this.destroyed || this.readableLength > 0) listener()
    else this.#listener = listener
  }

  /** How node:http hands on what arrives; null at the end, when it is `complete`. */
  override push(chunk: Buffer | null): boolean {
    const wantsMore = super.push(chunk)
    if (chunk === null || !wantsMore || this.readableLength > chunk.length) this.#tell()
    return wantsMore
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    super._destroy(error, done)
    this.#tell()
  }

  #tell(): void {
    const listener = this.#listener
    this.#listener = undefined
    listener?.()
  }
}
