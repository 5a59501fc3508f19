// One call through a lifted policy. Each run of the function that the policy is given is a part of the call of its own, so that its
// attempts neither share a reply nor outlive what they are for; what became of the call is told from what went in and came out.
import {
  type Awaitable,
  type Branch,
  branch,
  CallError,
  type Code,
  type Context,
  type DomainFailure,
  type Failure,
  failureOf,
  isEither,
  isFailure,
  left,
  type Next,
  type Outcome,
  right,
} from '../core/index.js'
import { linkToSignal } from '../core/link.js'
import { isStream } from '../core/stream.js'
import type { Executes } from './lifted-parts.js'
import { mayHaveRun } from './may-have-run.js'

/** What happens to a call in a lifted policy. */
export type LiftedCallEvent =
  | {
      /** Another attempt, which is `attempt`, has begun. */
      readonly type: 'retried'
      readonly attempt: number
      /** What the one before failed with; none where its response was what the policy retries. */
      readonly failure?: Failure | DomainFailure
    }
  | {
      /** The call failed though it was attempted several times; `attempt` was the last one. */
      readonly type: 'gave-up'
      readonly attempt: number
      readonly failure: Failure | DomainFailure
    }
  | {
      /** A breaker or a bulkhead of the policy let nothing through, and the call failed with this. */
      readonly type: 'refused'
      readonly failure: Failure | DomainFailure
    }
  | {
      /** The policy answered with something of its own. */
      readonly type: 'fell-back'
      /** What the last attempt failed with; none where there was no attempt, or its response was replaced. */
      readonly failure?: Failure | DomainFailure
    }
  | {
      /** A timeout of the policy ended an attempt, or the whole call. */
      readonly type: 'timed-out'
    }

/** What a {@link LiftedCall} is made of. */
export interface LiftedCallInit {
  readonly next: Next
  readonly request: unknown
  readonly context: Context
  readonly maxAttempts: number
  /** Told of what happens while somebody waits for the call. */
  tell(event: LiftedCallEvent): void
}

/** One attempt that has ended, and how the policy was told. */
interface Ended {
  readonly part: Branch
  readonly outcome: Outcome
  readonly told: unknown
}

/** One call through a lifted policy. */
export class LiftedCall {
  readonly #init: LiftedCallInit
  #begun = 0
  /** How many attempts certainly did not run. */
  #notRun = 0
  #last: Ended | undefined
  /** A timeout of the policy has ended the last attempt. */
  #wasCut = false
  #isOver = false

  constructor(init: LiftedCallInit) {
    this.#init = init
  }

  async run(lifted: Executes): Promise<Outcome> {
    try {
      return this.#given(await lifted.execute(({ signal }) => this.#attempt(signal), this.#init.context.signal))
    } catch (thrown) {
      return this.#thrown(thrown)
    } finally {
      this.#isOver = true
    }
  }

  async #attempt(signal: AbortSignal): Promise<unknown> {
    const { next, request } = this.#init
    // cockatiel's retry goes on after its wait, whether or not somebody still waits.
    if (this.#isOver) throw new CallError(gaveUp)
    if (signal.aborted) throw new CallError(notBegun)
    if (this.#begun > 0 && isStream(request)) return this.#asBefore()
    const part = this.#part(++this.#begun)
    if (this.#begun > 1) this.#tell({ type: 'retried', attempt: this.#begun, ...this.#lastFailure() })
    this.#wasCut = false
    const outcome = await this.#untilAborted(part, part.run(next, request), signal)
    if (outcome._tag === 'Left' && isFailure(outcome.left) && outcome.left.ran === 'no') this.#notRun++
    const told = outcome._tag === 'Left' ? new CallError(outcome.left) : outcome.right
    this.#last = { part, outcome, told }
    if (outcome._tag === 'Left') throw told
    return told
  }

  /** For a request whose items are gone. */
  #asBefore(): unknown {
    if (this.#last?.outcome._tag === 'Right') return this.#last.told
    throw this.#last?.told ?? new CallError(gaveUp)
  }

  #part(attempt: number): Branch {
    const { context, maxAttempts } = this.#init
    return attempt === 1 && maxAttempts === 1
      ? branch(context, { ownReply: true })
      : branch(context, { ownReply: true, attempt, maxAttempts: Math.max(attempt, maxAttempts) })
  }

  /** The outcome of a part of the call, which ends when the policy says so, whatever its work does. */
  async #untilAborted(part: Branch, running: Awaitable<Outcome>, signal: AbortSignal): Promise<Outcome> {
    if (signal === this.#init.context.signal) return running
    // By one listener for all: beneath a half-open breaker, the calls that waited have one signal, which never aborts.
    const unlink = linkToSignal(signal, { end: () => this.#cut(part) })
    try {
      return await running
    } finally {
      unlink() // a timeout of cockatiel's aborts after it has returned, too: an open stream has to go on
    }
  }

  #cut(part: Branch): void {
    this.#wasCut = true
    part.cancel(timedOut)
    this.#tell({ type: 'timed-out' })
  }

  #given(value: unknown): Outcome {
    const adopted = this.#adopted(value)
    if (adopted !== undefined) return adopted
    this.#tell({ type: 'fell-back', ...this.#lastFailure() })
    return isEither(value) ? (value as Outcome) : right(value) // a fallback may give a failure
  }

  #thrown(thrown: unknown): Outcome {
    this.#adopted(thrown)
    const own = thrown instanceof CallError ? (thrown.failure as Failure | DomainFailure) : ownFailure(thrown) // what an endpoint fails with
    if (own === undefined) throw thrown
    const failure = this.#begun > this.#notRun ? mayHaveRun(own) : own
    if (isRefusal(own)) this.#tell({ type: 'refused', failure })
    else if (own === notBegun && !this.#wasCut) this.#tell({ type: 'timed-out' })
    else if (this.#begun > 1) this.#tell({ type: 'gave-up', attempt: this.#begun, failure })
    return left(failure)
  }

  /** The outcome of the last attempt where that is what came of the call: then it is the attempt that counts. */
  #adopted(told: unknown): Outcome | undefined {
    const last = this.#last
    if (last === undefined || !Object.is(last.told, told)) return undefined
    last.part.adopt()
    return last.outcome
  }

  #lastFailure(): { readonly failure?: Failure | DomainFailure } {
    const outcome = this.#last?.outcome
    return outcome?._tag === 'Left' ? { failure: outcome.left as Failure | DomainFailure } : {} // what an endpoint fails with
  }

  /** Not of a call that has ended: cockatiel goes on for a while, and takes the end for a timeout of its own. */
  #tell(event: LiftedCallEvent): void {
    if (!this.#init.context.signal.aborted) this.#init.tell(event)
  }
}

const timedOut = failureOf('deadline_exceeded', 'TIMEOUT', 'no answer within the time of the policy')
const notBegun: Failure = { ...timedOut, ran: 'no' }
const gaveUp = failureOf('cancelled', 'CANCELLED', 'nobody waits for this attempt', { ran: 'no' })

const heldOpen = notRun('unavailable', 'BREAKER_OPEN', 'the breaker is held open')
const isOpen = notRun('unavailable', 'BREAKER_OPEN', 'too many calls have failed')
const isFull = notRun('resource_exhausted', 'BULKHEAD_FULL', 'too many calls are running and waiting')

/** What cockatiel threw, by the marks on its errors: its own guards (`isTaskCancelledError`, …) look for the wrong ones. */
function ownFailure(thrown: unknown): Failure | undefined {
  if (isMarked(thrown, 'isIsolatedCircuitError')) return heldOpen
  if (isMarked(thrown, 'isBrokenCircuitError')) return isOpen
  if (isMarked(thrown, 'isBulkheadRejectedError')) return isFull
  return isMarked(thrown, 'isTaskCancelledError') ? notBegun : undefined // or the call has ended, and with it whoever would read this
}

function isRefusal(failure: Failure | DomainFailure): boolean {
  return failure === heldOpen || failure === isOpen || failure === isFull
}

function notRun(code: Code, reason: string, message: string): Failure {
  return failureOf(code, reason, message, { ran: 'no' })
}

function isMarked(thrown: unknown, mark: string): boolean {
  return typeof thrown === 'object' && thrown !== null && mark in thrown
}
