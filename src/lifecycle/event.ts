// What happens to a process that serves, as data: for logs, for metrics, and for the tests of this very folder. One union, so
// that an observer that forgets a kind does not compile.

/** Signals that can stop a process. */
export type StopSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'SIGQUIT' | 'SIGUSR2' | 'SIGBREAK'

/**
 * Why calls in flight were cut off: the grace period was over, a second signal came, `close()` was called, another binding could
 * not start, or the binding could not say when they would end.
 */
export type ForcedBy = 'grace' | 'signal' | 'close' | 'start' | 'failure'

/** Something that happened, in the order in which a run goes through it. */
export type LifecycleEvent =
  /** A rule of `lint` found something in the stack of these methods (`service/method`), before anything listened. */
  | { readonly type: 'finding'; readonly rule: string; readonly message: string; readonly methods: readonly string[] }
  /** A binding listens. */
  | { readonly type: 'listening'; readonly binding: string; readonly addresses: readonly string[] }
  /** All of them do, and readiness depends on the checks alone. */
  | { readonly type: 'started'; readonly addresses: readonly string[] }
  /** A readiness check failed that did not fail before. `cause` is there if it threw. */
  | { readonly type: 'check-failed'; readonly check: string; readonly why: string; readonly cause?: unknown }
  /** It passes again. */
  | { readonly type: 'check-recovered'; readonly check: string }
  /** Readiness is false from here on; calls are still accepted for `delayMs`. */
  | { readonly type: 'draining'; readonly delayMs: number; readonly signal?: StopSignal }
  /** No new calls; those in flight have `graceMs` to end. */
  | { readonly type: 'stopped-accepting'; readonly graceMs: number }
  /** A binding's calls have ended by themselves. */
  | { readonly type: 'drained'; readonly binding: string }
  /** What was left of these bindings' calls was cut off. */
  | { readonly type: 'forced'; readonly by: ForcedBy; readonly bindings: readonly string[] }
  /** A binding or a resource threw, or took too long; the others were closed all the same. */
  | { readonly type: 'close-failed'; readonly what: string; readonly cause: unknown }
  /** Everything is closed. `forced`: calls were cut off. `failed`: how many bindings and resources did not close. */
  | { readonly type: 'stopped'; readonly forced: boolean; readonly failed: number }
  /** The process had to be ended after a signal, because something that `serve` does not know was left open. */
  | { readonly type: 'kept-alive'; readonly by: readonly string[] }

/** Told what happens. Never awaited; what it throws is reported on stderr. */
export type OnLifecycleEvent = (event: LifecycleEvent) => void
