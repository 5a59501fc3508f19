// What a lifted policy is made of, seen from outside: cockatiel's `wrap` tells its parts, and each part has the events of its kind.
// Nothing of cockatiel is imported, and the names of its classes are not relied on: a bundler changes them.

/** What can be run through a policy: cockatiel's `IPolicy` has it. */
export interface Executes {
  /** Runs the function, once or more or not at all, and gives what came of it. */
  execute<T>(
    run: (context: { readonly signal: AbortSignal }) => PromiseLike<T> | T,
    signal?: AbortSignal,
  ): Promise<unknown>
}

/** What a part is, in the words of our own policies. */
export type LiftedKind = 'retry' | 'breaker' | 'timeout' | 'bulkhead' | 'other'

/** One of cockatiel's events: takes a listener, gives what takes it away. */
type Listens = (listener: (told: unknown) => void) => { dispose(): void }

/** Who is told what becomes of the breakers. */
export interface BreakerWatcher {
  /** @param reason - what the last failure was; cockatiel's `FailureReason` */
  onBreak(reason: unknown): void
  onHalfOpen(): void
  onReset(): void
}

/** The kinds of its parts, outermost first. */
export function kindsOf(lifted: Executes): readonly LiftedKind[] {
  return partsOf(lifted).map(part => {
    if (isFunction(part['onRetry'])) return 'retry'
    if (isFunction(part['onBreak'])) return 'breaker'
    if (isFunction(part['onTimeout'])) return 'timeout'
    return isFunction(part['onReject']) ? 'bulkhead' : 'other'
  })
}

/** Listens to each breaker in it; returns what ends that. */
export function watchBreakers(lifted: Executes, watcher: BreakerWatcher): () => void {
  const ends = [...new Set(partsOf(lifted))].flatMap(({ onBreak, onHalfOpen, onReset }) =>
    isFunction(onBreak) && isFunction(onHalfOpen) && isFunction(onReset)
      ? [
          onBreak(reason => watcher.onBreak(reason)),
          onHalfOpen(() => watcher.onHalfOpen()),
          onReset(() => watcher.onReset()),
        ]
      : [],
  )
  return () => {
    for (const end of ends) end?.dispose()
  }
}

type Part = Readonly<Record<string, unknown>>

function partsOf(lifted: unknown, around: readonly unknown[] = []): readonly Part[] {
  const part = lifted as Part // only asked for what it may have
  const { wrapped } = part
  if (!Array.isArray(wrapped) || around.includes(part)) return [part]
  return wrapped.flatMap(each => (typeof each === 'object' && each !== null ? partsOf(each, [...around, part]) : []))
}

function isFunction(value: unknown): value is Listens {
  return typeof value === 'function'
}
