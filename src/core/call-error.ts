// The one exception that carries a typed failure: where a value cannot be returned (in the middle of a stream, out of
// `callOrThrow`, from deep inside a function) the same failure is thrown instead.
import { type Left, left } from './either.js'
import { errorText } from './error-text.js'
import { type DomainFailure, type Failure, failureOf, isFailure } from './failure.js'
import { isPromise } from './outcome.js'

/** A failure, thrown. `E` is the union of domain failures that may come instead of a {@link Failure}. */
export class CallError<out E = never> extends Error {
  override readonly name: string = 'CallError'
  readonly failure: Failure | E

  constructor(failure: Failure)
  constructor(failure: Failure | E)
  constructor(failure: Failure | E) {
    super(
      isFailure(failure) ? `${failure.code}/${failure.reason}: ${failure.message}` : tagOf(failure),
      isFailure(failure) && failure.cause !== undefined ? { cause: failure.cause } : undefined,
    )
    this.failure = failure
  }
}

function tagOf(failure: unknown): string {
  return typeof failure === 'object' && failure !== null && '_tag' in failure ? String(failure._tag) : String(failure)
}

/** Told about a defect: something that was thrown and is no {@link CallError}. Its text never reaches the peer. */
export type OnDefect = (thrown: unknown) => void

/** The default {@link OnDefect}: one report on stderr, without what looks like a secret, and without other control characters than line breaks. */
export const reportDefect: OnDefect = thrown => {
  console.error(`tenon: defect: ${errorText(thrown)}`)
}

/** Whom defects are told to: an observer as it was given, which then neither throws nor rejects, or {@link reportDefect}. */
export function defectsTo(onDefect: OnDefect | undefined): OnDefect {
  return onDefect === undefined ? reportDefect : thrown => observe(onDefect, thrown)
}

/** What a call fails with when something was thrown: a `CallError`'s own failure, or `internal`/`DEFECT`. */
export function fromThrown(thrown: unknown, onDefect: OnDefect): Left<Failure | DomainFailure> {
  if (thrown instanceof CallError) return left(thrown.failure)
  observe(onDefect, thrown)
  return left(failureOf('internal', 'DEFECT', 'internal error', { cause: thrown }))
}

/** Whether something was thrown because a signal said so, as `fetch` and Node's own functions do. */
export function isAbortError(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'AbortError'
}

/**
 * Calls an observer that may not throw: what it throws all the same is reported, not passed on. So is what an async function rejects
 * with, which TypeScript takes for an observer, too.
 */
export function observe<Args extends readonly unknown[]>(observer: (...args: Args) => void, ...args: Args): void {
  try {
    const result: unknown = observer(...args)
    if (isPromise(result)) reportRejection(result, reportDefect)
  } catch (thrown) {
    reportDefect(thrown)
  }
}

/** Sees to a promise that nobody waits for: were it to reject unseen, the process would end. */
export function reportRejection(promise: PromiseLike<unknown>, onDefect: OnDefect): void {
  promise.then(undefined, thrown => observe(onDefect, thrown))
}
