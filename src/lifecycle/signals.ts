// Signals to one stop: the first drains, the second forces, the third ends the process on the spot. The process is ended by
// exit, never by raising the signal again: as process 1 of a container it would survive that.
import { constants } from 'node:os'
import { isatty } from 'node:tty'
import type { Clock } from '../core/index.js'
import type { OnLifecycleEvent, StopSignal } from './event.js'
import type { Stop, Stopped } from './stop.js'

/** All the signals that a stop may be bound to. */
export const stopSignals: readonly StopSignal[] = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGBREAK']

/** How long a process whose work is done may take to end by itself. */
const lingerMs = 500

/**
 * The same signal again within this time is the same one: Ctrl-C reaches every process of a terminal, and `npm start` hands its own
 * on to its child.
 */
const echoMs = 200

/** What a {@link SignalWatch} needs to know. */
export interface Watched {
  readonly signals: readonly StopSignal[]
  readonly stop: Stop
  readonly delayMs: number
  /** Whether the process ends after a stop by signal. */
  readonly exit: boolean
  readonly clock: Clock
  readonly onEvent: OnLifecycleEvent
}

// Several services in one process get the same signal: the last that has stopped ends it.
const unfinished: Set<SignalWatch> = new Set()

/** Listens to signals from its making until the stop is over, or until the process is if a signal began it. */
export class SignalWatch {
  readonly #given: Watched
  readonly #unlisten: () => void
  #first: StopSignal | undefined
  #latest: { readonly signal: StopSignal; readonly at: number } | undefined
  #count = 0
  #started = false

  constructor(given: Watched) {
    this.#given = given
    const listeners = given.signals.map(signal => [signal, () => this.#onSignal(signal)] as const)
    for (const [signal, listener] of listeners) process.on(signal, listener)
    this.#unlisten = () => {
      for (const [signal, listener] of listeners) process.off(signal, listener)
    }
    if (given.exit && given.signals.length > 0) unfinished.add(this)
  }

  /** From now on balancers may know of this process, so that a signal waits for them to learn that it stops. */
  started(): void {
    this.#started = true
  }

  /** Whether a signal has come that ends the process. */
  get endsProcess(): boolean {
    return this.#first !== undefined && this.#given.exit
  }

  #onSignal(signal: StopSignal): void {
    const { stop, delayMs, clock } = this.#given
    const at = clock.now()
    if (this.#latest?.signal === signal && at - this.#latest.at < echoMs) return
    this.#latest = { signal, at }
    this.#first ??= signal
    this.#count++
    if (this.#count === 1) void stop.drain(this.#started ? delayMs : 0, signal)
    else if (this.#count === 2) void stop.force('signal')
    else if (this.#given.exit) process.exit(128 + constants.signals[signal])
  }

  /** To be called when everything is closed. */
  stopped({ forced, failed }: Stopped): void {
    unfinished.delete(this)
    const { exit, clock, onEvent } = this.#given
    if (this.#first === undefined || !exit) {
      this.#unlisten()
      return
    }
    const early = forced || !this.#started
    process.exitCode = (early ? 128 + constants.signals[this.#first] : Math.min(failed, 1)) || process.exitCode || 0
    if (unfinished.size > 0) return
    if (this.#count > 1 || !this.#started) process.exit()
    // Better than exit: what was written to a pipe is still flushed, and nothing is cut short if nothing was left open.
    const linger = clock.setTimer(() => {
      onEvent({ type: 'kept-alive', by: process.getActiveResourcesInfo() })
      process.exit()
    }, lingerMs)
    linger.keepAlive(false)
  }
}

/** Whether somebody sits in front of the process: no balancer does then. */
export function inTerminal(): boolean {
  return [0, 1, 2].some(descriptor => isatty(descriptor))
}
