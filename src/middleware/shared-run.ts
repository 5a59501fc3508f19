// One run for several calls: it belongs to none of them, goes on while one of them waits, and is told to stop when the last one
// has left. Bound to the call that began it, it would end for all with that call's deadline.

import { runBranch } from '../core/branch.js'
import { carriedOf } from '../core/context.js'
import { contextOfRun } from '../core/detached.js'
import { type Context, type Failure, failureOf, left, type Next, type Outcome } from '../core/index.js'
import { type Receiver, unawaited } from '../core/receiver.js'
import type { Dependent } from '../core/scope.js'
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

/** A run that several calls wait for. It is told of its outcome: to wait for a promise is most of what a run costs. */
export class SharedRun implements Receiver {
  readonly #work: SharedWork
  readonly #context: Context
  #outcome: Outcome | undefined
  #first: Joined | undefined
  #last: Joined | undefined
  #waiting = 0
  #over = false

  constructor(work: SharedWork) {
    this.#work = work
    this.#context = contextOfRun(work.context, work.maxRunMs)
  }

  /** Begins it, once. It may be over when this returns. */
  start(): void {
    const { next, request } = this.#work
    void runBranch(this.#context, next, request, this)
  }

  complete(outcome: Outcome): Outcome {
    const shared = whole(outcome, this.#context)
    this.#outcome = shared
    this.#end(shared)
    for (let each = this.#first; each !== undefined; each = each.next) each.give(shared, this.#context)
    return shared
  }

  promise(): Promise<Outcome> {
    return unawaited
  }

  #end(outcome: Outcome | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#work.onOver(outcome)
  }

  /**
   * Has `receiver` told the outcome of the run, or the call's own end if that comes first. Gives the outcome where the run is over. What
   * the run says beside its response, the call says.
   */
  join(context: Context, receiver: Receiver): Outcome | undefined {
    if (this.#outcome !== undefined) return outcomeFor(context, this.#outcome, this.#context)
    this.#waiting++
    const { ended } = carriedOf(context).scope
    if (ended !== undefined) {
      this.leave()
      return left(ended)
    }
    const joined = new Joined(this, context, receiver)
    if (this.#last === undefined) this.#first = joined
    else this.#last.next = joined
    this.#last = joined
    return undefined
  }

  /** One of those who waited has left. */
  leave(): void {
    if (--this.#waiting > 0 || this.#over) return
    this.#end(undefined)
    carriedOf(this.#context).scope.end(failureOf('cancelled', 'CANCELLED', 'all who waited have left'))
  }
}

/** A call that waits for a run. */
class Joined implements Dependent {
  newer: Dependent | undefined = undefined
  older: Dependent | undefined = undefined
  /** Who joined after it. */
  next: Joined | undefined = undefined
  readonly #run: SharedRun
  readonly #context: Context
  /** Who is told, unless it has left. */
  #receiver: Receiver | undefined

  constructor(run: SharedRun, context: Context, receiver: Receiver) {
    this.#run = run
    this.#context = context
    this.#receiver = receiver
    carriedOf(context).scope.attach(this)
  }

  get outlives(): boolean {
    return false
  }

  give(outcome: Outcome, said: Context): void {
    const receiver = this.#receiver
    if (receiver === undefined) return
    carriedOf(this.#context).scope.detach(this)
    void receiver.complete(outcomeFor(this.#context, outcome, said))
  }

  /** Its call has ended. */
  end(failure: Failure): void {
    const receiver = this.#receiver
    this.#receiver = undefined
    this.#run.leave()
    void receiver?.complete(left(failure))
  }
}

/** What a call that has waited gets, and says: what was said in the context of the run. */
function outcomeFor(context: Context, outcome: Outcome, ofRun: Context): Outcome {
  const { replyIfAny } = carriedOf(ofRun).scope
  if (replyIfAny === undefined) return outcome
  try {
    replyIfAny.copyTo(context.reply)
    return outcome
  } catch (thrown) {
    return carriedOf(context).scope.caught(thrown) // with its own, that is too much to say
  }
}

/** Streams iterate once, so several calls cannot have the same. */
function whole(outcome: Outcome, context: Context): Outcome {
  if (outcome._tag === 'Left' || !isStream(outcome.right)) return outcome
  const { scope } = carriedOf(context)
  closeStream(outcome.right, scope.onDefect, () => {})
  return scope.caught(new TypeError('a stream cannot be shared by several calls'))
}
