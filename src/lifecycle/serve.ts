// From services and transports to a process that can be operated: it starts as a whole or not at all, tells whether it is alive
// and ready, and stops without losing calls.
import type { AnyService, ServerBinding } from '../contract/index.js'
import { defectsTo, observe } from '../core/call-error.js'
import { type Clock, type OnDefect, systemClock } from '../core/index.js'
import type { OnLifecycleEvent, StopSignal } from './event.js'
import { type Health, type HealthOptions, health } from './health.js'
import { reportProblems } from './log-events.js'
import { duration } from './settings.js'
import { inTerminal, SignalWatch, stopSignals } from './signals.js'
import { checkServices, type Open, start, tellFindings } from './start.js'
import { Stop } from './stop.js'

/** Options of {@link serve}. */
export interface ServeOptions extends Pick<HealthOptions, 'checks' | 'checkTimeoutMs' | 'checkCacheMs'> {
  /**
   * Signals that stop the process: the first drains, a second forces, a third ends it on the spot. `false` or `[]` for none.
   * @defaultValue SIGTERM and SIGINT
   */
  readonly signals?: readonly StopSignal[] | false
  /**
   * How long calls are still accepted after a signal, in ms, while readiness is already false: the time that balancers take to
   * notice. `drain()` does not wait for it. @defaultValue 5_000; 0 in a terminal (stdin, stdout or stderr is one)
   */
  readonly drainDelayMs?: number
  /**
   * How long calls in flight may take to end once no more are accepted, in ms. Delay and grace together belong below the time
   * after which the process is killed, which is 30 s in Kubernetes and 10 s with `docker stop`. @defaultValue 20_000
   */
  readonly graceMs?: number
  /** How long one binding or resource may take to close in the end, in ms. @defaultValue 2_000 */
  readonly closeTimeoutMs?: number
  /**
   * Closed last, one after the other, the last one first; one that fails is reported and does not keep the others open. Closed
   * too when the start fails. @defaultValue none
   */
  readonly resources?: readonly AsyncDisposable[]
  /**
   * Whether the process ends after a stop by signal: by itself, or half a second later when something was left open. Exit code 0;
   * 1 when something could not be closed; 128 + the signal's number when calls were cut off. @defaultValue true
   */
  readonly exit?: boolean
  /** Told what happens, from `listening` to `stopped`. @defaultValue problems on stderr; see {@link logEvents} */
  readonly onEvent?: OnLifecycleEvent
  /** Told about defects of the services, by the bindings. @defaultValue one report on stderr */
  readonly onDefect?: OnDefect
  /** Times all waits, and the bindings' deadlines. @defaultValue the system's */
  readonly clock?: Clock
}

/** Options of {@link Running.drain}. */
export interface DrainOptions {
  /** As `drainDelayMs`, for this stop; no matter once a stop has begun. @defaultValue 0 */
  readonly delayMs?: number
}

/** Services that are being served. */
export interface Running extends AsyncDisposable {
  /** Where, in the order of the bindings: `http://127.0.0.1:8080`. */
  readonly addresses: readonly string[]
  /** Liveness and readiness; checks can be added. */
  readonly health: Health
  /**
   * Stops without losing calls; resolves when everything is closed, at most the delay, the grace and the closing times later. Called
   * again, it joins. Never ends the process; rejects for a `delayMs` that is negative or not finite only.
   */
  drain(options?: DrainOptions): Promise<void>
  /** Stops at once: calls in flight are cut off, also those that a drain is waiting for. Never rejects. */
  close(): Promise<void>
  /** {@link Running.drain}: for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Serves all services on all bindings, until a signal comes. Resolves when all listen; when one cannot, those that do are closed,
 * then the resources, and it rejects with {@link StartError}. What `lint` finds in their stacks it tells as events, warnings by default. Rejects with `TypeError` or `RangeError`, having touched nothing, for
 * services and options that make no sense. See {@link exitWithMessage} for programs.
 */
export async function serve(
  services: readonly AnyService[],
  bindings: readonly ServerBinding[],
  options: ServeOptions = {},
): Promise<Running> {
  const { clock = systemClock, exit = true, resources = [] } = options
  const onDefect = defectsTo(options.onDefect)
  checkServices(services)
  if (bindings.length === 0) throw new TypeError('serve: there is no binding to serve on')
  const graceMs = duration('serve: graceMs', options.graceMs, 20_000)
  const closeTimeoutMs = duration('serve: closeTimeoutMs', options.closeTimeoutMs, 2_000)
  const delayMs = duration('serve: drainDelayMs', options.drainDelayMs, inTerminal() ? 0 : 5_000)
  const signals = checkedSignals(options.signals ?? ['SIGTERM', 'SIGINT'])
  const onEvent: OnLifecycleEvent = event => observe(options.onEvent ?? reportProblems, event)

  tellFindings(services, onEvent)
  let isStarted = false
  const open: Open[] = []
  const stop = new Stop({ open, resources, graceMs, closeTimeoutMs, clock, onEvent })
  const phase = () => (stop.hasBegun ? 'draining' : isStarted ? lostIn(open) : 'starting')
  const probes = health({ ...options, unready: phase, onEvent, clock })
  // Before anything listens: without a listener process 1 of a container ignores signals, and any other dies of them.
  const watch = new SignalWatch({ signals, stop, delayMs, exit, clock, onEvent })
  void stop.ended.then(stopped => watch.stopped(stopped))
  try {
    isStarted = await start(bindings, { services, runtime: { onDefect, clock, probes }, open, stop, onEvent })
  } catch (error) {
    await stop.force('start')
    throw error
  }
  if (!isStarted) return await interrupted(stop, watch)
  watch.started()
  const addresses = open.flatMap(({ listening }) => listening.addresses)
  onEvent({ type: 'started', addresses })
  return runningOf({ addresses, health: probes }, stop)
}

function runningOf(parts: Pick<Running, 'addresses' | 'health'>, stop: Stop): Running {
  const drain = async ({ delayMs }: DrainOptions = {}) => {
    await stop.drain(duration('drain: delayMs', delayMs, 0))
  }
  return {
    ...parts,
    drain,
    async close() {
      await stop.force('close')
    },
    [Symbol.asyncDispose]: () => drain(),
  }
}

/** The first of the bindings to which no calls come, and why. */
function lostIn(open: readonly Open[]): string | undefined {
  for (const { name, listening } of open) {
    const why = listening.unready?.()
    if (why !== undefined) return `${name}: ${why}`
  }
  return undefined
}

/** A signal came before everything listened. */
async function interrupted(stop: Stop, watch: SignalWatch): Promise<never> {
  await stop.ended
  if (watch.endsProcess) return await new Promise(() => {}) // it ends; a rejection would be reported on the way
  throw new Error('serve: stopped by a signal while starting')
}

function checkedSignals(given: readonly StopSignal[] | false): readonly StopSignal[] {
  const signals = given === false ? [] : [...new Set(given)]
  const unknown = signals.filter(signal => !stopSignals.includes(signal))
  if (unknown.length > 0) throw new TypeError(`serve: ${unknown.join(', ')} cannot stop a process`)
  return signals
}
