// One run for several calls: it belongs to none of them, goes on while one of them waits, and is told to stop when the last one
// has left. Bound to the call that began it, it would end for all with that call's deadline.

import { carriedOf } from '../core/context.js'
import {
  type Branch,
  branch,
  type Context,
  detached,
  failureOf,
  left,
  type Next,
  type Outcome,
  onCancelled,
} from '../core/index.js'
import { closeStream, isStream } from '../core/stream.js'

/** What a {@link SharedRun} runs. */
export interface SharedWork {
  /** The call that begins it: the run has its metadata, clock and what providers added. */
  readonly context: Context
  /** How long it may take, in ms, whoever waits. */
  readonly maxRunMs: number
  /** What runs, once, and with what. */
  readonly next: Next
  readonly request: unknown
  /** The run is over, or nobody waits for it any more: whoever comes now needs another one. Called once. */
  onOver(outcome: Outcome | undefined): void
}

/** A run that several calls wait for. */
export class SharedRun {
  readonly #work: SharedWork
  readonly #context: Context
  readonly #run: Branch
  readonly #outcome: Promise<Outcome>
  #waiting = 0
  #over = false

  constructor(work: SharedWork) {
    const { context, maxRunMs, next, request } = work
    const { attempt, maxAttempts } = context
    this.#work = work
    this.#context = detached(context)
    this.#run = branch(this.#context, { deadlineMs: maxRunMs, attempt, maxAttempts })
    const running = Promise.resolve(this.#run.run(next, request)) // later in any case: nobody has joined yet
    this.#outcome = running.then(outcome => this.#ended(outcome))
  }

  #ended(outcome: Outcome): Outcome {
    const shared = whole(outcome, this.#context)
    this.#end(shared)
    return shared
  }

  #end(outcome: Outcome | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#work.onOver(outcome)
  }

  /** The outcome of the run, or that of the call's own end if it comes first. What the run says beside its response, the call says. */
  join(context: Context): Promise<Outcome> {
    this.#waiting++
    return new Promise(resolve => {
      const unlink = onCancelled(context, failure => {
        this.#leave()
        resolve(left(failure))
      })
      void this.#outcome.then(outcome => {
        unlink()
        carriedOf(this.#context).scope.replyIfAny?.copyTo(context.reply)
        resolve(outcome)
      })
    })
  }

  #leave(): void {
    if (--this.#waiting > 0 || this.#over) return
    this.#end(undefined)
    this.#run.cancel(failureOf('cancelled', 'CANCELLED', 'all who waited have left'))
  }
}

/** Streams iterate once, so several calls cannot have the same. */
function whole(outcome: Outcome, context: Context): Outcome {
  if (outcome._tag === 'Left' || !isStream(outcome.right)) return outcome
  const { scope } = carriedOf(context)
  closeStream(outcome.right, scope.onDefect, () => {})
  return scope.caught(new TypeError('a stream cannot be shared by several calls'))
}
