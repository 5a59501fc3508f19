// Who waits for an outcome. Told directly, where promises in a row would cost each of those in between one, and a turn.
import { right } from './either.js'
import type { Awaitable, Outcome } from './outcome.js'

/** Who gets the outcome of work that may still be going on: the layers around a leaf, a part of a call, the call. */
export interface Receiver {
  /** The work has ended. Returns what that comes to for whoever is outermost. */
  complete(outcome: Outcome): Awaitable<Outcome>
  /** What whoever is outermost waits for meanwhile, where that is not the work itself: one promise for all of them. */
  promise(): Promise<Outcome> | undefined
}

/** Gets an outcome for whoever waits for a promise of it. */
export class Told implements Receiver {
  #tell: (outcome: Outcome) => void = () => {}
  readonly #promise: Promise<Outcome> = new Promise(resolve => {
    this.#tell = resolve
  })

  complete(outcome: Outcome): Outcome {
    this.#tell(outcome)
    return outcome
  }

  promise(): Promise<Outcome> {
    return this.#promise
  }
}

/** Stands for the outcome of a call where somebody is told of that: nobody looks at it, so there is one for all. */
export const unawaited: Promise<Outcome> = Promise.resolve(right(undefined))
