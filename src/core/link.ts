// Links calls to an AbortSignal from outside. One listener per signal, however many calls: a listener per call is what
// makes Node warn at the eleventh and leak on a signal that lives as long as the process.
import { CallError } from './call-error.js'
import { type Failure, failureOf, isFailure } from './failure.js'

interface Ending {
  end(failure: Failure): void
}

const linked: WeakMap<AbortSignal, Set<Ending>> = new WeakMap()

/** Ends `ending` when the signal aborts, at once if it has; returns what unlinks it. */
export function linkToSignal(signal: AbortSignal, ending: Ending): () => void {
  if (signal.aborted) {
    ending.end(fromAbortReason(signal.reason))
    return () => {}
  }
  let endings = linked.get(signal)
  if (endings === undefined) {
    const all: Set<Ending> = new Set()
    endings = all
    linked.set(signal, all)
    signal.addEventListener(
      'abort',
      () => {
        const failure = fromAbortReason(signal.reason)
        for (const each of [...all].reverse()) each.end(failure)
      },
      { once: true },
    )
  }
  endings.add(ending)
  const all = endings
  return () => void all.delete(ending)
}

/** What a call fails with when a signal was aborted: a CallError's own failure, a timeout as such, else `CANCELLED`. */
function fromAbortReason(reason: unknown): Failure {
  if (reason instanceof CallError && isFailure(reason.failure)) return reason.failure
  if (typeof reason === 'object' && reason !== null && 'name' in reason && reason.name === 'TimeoutError') {
    return failureOf('deadline_exceeded', 'DEADLINE_EXCEEDED', 'the caller gave up waiting', { cause: reason })
  }
  return failureOf('cancelled', 'CANCELLED', 'the call was cancelled', { cause: reason })
}
