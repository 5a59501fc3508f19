// What counts work, and keeps what is said beside the response, for those further in: the call itself, what a timeout bounds, one
// attempt of several. Each counts as one piece of work of the part around it until all of its own has ended.
import { type OnDefect, observe, reportRejection } from './call-error.js'
import { isPromise } from './outcome.js'
import type { Reply } from './reply.js'
import { closeStream } from './stream.js'

/** A call, or what goes on in it and may be over before it is. */
export interface Part {
  /** How much work goes on in it, itself included. */
  readonly work: number
  /** Where what is said beside the response goes. */
  readonly reply: Reply
  /** Some work has begun; {@link release} says when it ends. */
  hold(): void
  /** What was held has ended. */
  release(): void
  /** Runs `callback` when all work that began in it has really ended, which may be long after it is over. */
  settled(callback: () => void): void
}

/** Tells those who waited for the end of all work. */
export function tellSettled(callbacks: readonly (() => void)[], onDefect: OnDefect): void {
  for (const callback of callbacks) {
    try {
      const result: unknown = callback()
      if (isPromise(result)) reportRejection(result, onDefect)
    } catch (thrown) {
      observe(onDefect, thrown)
    }
  }
}

/** Closes a stream that came when nobody could have it any more: work until it has closed. */
export function closeLate(stream: AsyncIterable<unknown>, part: Part, onDefect: OnDefect): void {
  part.hold()
  closeStream(stream, onDefect, () => part.release())
}
