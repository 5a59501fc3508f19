// The end of the process, for whoever holds lines back: an exit, an exception that nobody caught, a signal that nobody handles.
// One set of listeners for all of them, there only while somebody holds lines.
import { runtime } from './runtime.js'

/** Holds lines back. */
export interface Holder {
  /** Lets go of them. */
  flush(): void
  /** Lets go of them now or never, and holds nothing from here on. */
  end(): void
}

const holders: Set<Holder> = new Set()

/** What these signals do to a process that does not handle them: they end it, and no `exit` is told. */
const deadly = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const

const onExit = (): void => {
  for (const each of holders) each.end()
}

const onSignal = Object.entries(deadly).map(([signal, number]) => {
  // First in line: a listener of the program's for one time is counted only as long as it has not run.
  const listener = (): void => {
    if (runtime?.listenerCount?.(signal) === 1) runtime.exit?.(128 + number)
    flushLines()
    // Out of the way of libraries that end the process themselves where they find nobody else listening.
    runtime?.off?.(signal, listener)
    queueMicrotask(() => {
      if (holders.size > 0) runtime?.prependListener?.(signal, listener)
    })
  }
  return { signal, listener }
})

/** Registers somebody who holds lines. */
export function hold(holder: Holder): void {
  if (holders.size === 0) {
    runtime?.on?.('exit', onExit)
    for (const { signal, listener } of onSignal) runtime?.prependListener?.(signal, listener)
  }
  holders.add(holder)
}

/** The holder has nothing any more, and will have nothing. */
export function letGo(holder: Holder): void {
  if (!holders.delete(holder) || holders.size > 0) return
  runtime?.off?.('exit', onExit)
  for (const { signal, listener } of onSignal) runtime?.off?.(signal, listener)
}

/**
 * Writes what all batches of the process hold, as far as there is room for it: at the end of a test, before a `SIGKILL`. `serve` does
 * it when it has stopped; at an exit it happens by itself.
 */
export function flushLines(): void {
  for (const each of holders) each.flush()
}
