// The states of a breaker, without calls and without a clock: `now` is given, so that a model can be held against it. Closed,
// open, half-open are Nygard's (Release It!); that so many probes decide, and the first that fails reopens, is as in gobreaker.
import { isWithin } from '../core/context.js'
import type { Context, DomainFailure, Failure, Random } from '../core/index.js'
import { CountWindow, TimeWindow } from './rolling-window.js'

/** What a breaker does with calls: lets them through, refuses them, tries a few. */
export type BreakerState = 'closed' | 'open' | 'half-open'

/**
 * What decides when to open: the interface of cockatiel's `ConsecutiveBreaker`, `CountBreaker` and `SamplingBreaker`. It is
 * told in which state a call ended: 0 closed, 2 half-open.
 */
export interface BreakerStrategy {
  /** What it has counted. Never read here. */
  state: unknown
  /** A call succeeded; in state 2 the breaker closes. */
  success(state: 0 | 2): void
  /** A call failed; in state 2 the breaker opens again. Returns whether to open. */
  failure(state: 0 | 2): boolean
}

/** The options that the states depend on; `BreakerOptions` documents them. */
export interface CircuitSettings {
  readonly errorRatio: number
  readonly minCalls: number
  readonly windowMs: number
  readonly windowCalls?: number | undefined
  readonly consecutiveFailures: number
  readonly slowCallMs: number
  readonly slowRatio: number
  readonly strategy?: BreakerStrategy | undefined
  readonly openMs: number
  readonly openFactor: number
  readonly maxOpenMs?: number | undefined
  readonly openJitter: number
  readonly probes: number
  readonly probeMs: number
  shouldCount(failure: Failure | DomainFailure): boolean
  readonly random: Random
}

/** What a breaker has counted. */
export interface BreakerCounts {
  /** Calls in the window that said something about the service. */
  readonly calls: number
  /** Those of them that failed. */
  readonly failures: number
  /** Those of them that took `slowCallMs` or longer. */
  readonly slow: number
  /** Failures since the last success. */
  readonly consecutiveFailures: number
}

/** Why a breaker opened: the option whose limit was reached, or a probe that failed. */
export type OpenReason = 'errorRatio' | 'slowRatio' | 'consecutiveFailures' | 'strategy' | 'probe'

/** What happens to the states. */
export type CircuitEvent =
  | { readonly type: 'opened'; readonly why: OpenReason; readonly openMs: number; readonly counts: BreakerCounts }
  | { readonly type: 'half-opened' | 'closed' }

/** One call that was let through. */
export interface Admission {
  /** Those in force when it began. */
  readonly options: CircuitSettings
  readonly startedAt: number
  /** The period of one state that the call belongs to: in a later one it has nothing to tell. */
  period: number
  /** When a response stream opened. */
  openedAt: number | undefined
}

/** What a call says about the service. */
export type Verdict = 'success' | 'failure' | 'nothing'

const [calls, failures, slow] = [0, 1, 2] // the columns of the window
const noPeriod = -1

export class Circuit {
  #options: CircuitSettings
  readonly #emit: (event: CircuitEvent) => void
  #state: BreakerState = 'closed'
  #forced: 'open' | 'closed' | undefined
  #period = 0
  #window: TimeWindow | CountWindow
  #consecutive = 0
  #openUntil = 0
  /** How often it has opened since it was closed. */
  #openings = 0
  /** Those that are under way, each with its call. */
  readonly #probing: Map<Admission, Context> = new Map()
  #probed = 0

  constructor(options: CircuitSettings, emit: (event: CircuitEvent) => void) {
    this.#options = options
    this.#emit = emit
    this.#window = windowFor(options)
  }

  get state(): BreakerState {
    return this.#forced ?? this.#state
  }

  get forced(): 'open' | 'closed' | undefined {
    return this.#forced
  }

  countsAt(now: number): BreakerCounts {
    this.#window.advance(now)
    return this.#counts()
  }

  /** How long it refuses calls for certain; `undefined` where that depends on somebody. */
  openForMs(now: number): number | undefined {
    return this.state === 'open' && this.#forced === undefined ? Math.max(0, this.#openUntil - now) : undefined
  }

  /** Other options from here on. What was counted stays, unless the window spans calls now and a time before. */
  use(options: CircuitSettings, now: number): void {
    const before = this.#options
    if (options === before) return
    this.#options = options
    const { windowMs, windowCalls } = options
    if (windowCalls === undefined && this.#window instanceof TimeWindow) {
      if (windowMs !== before.windowMs) this.#window.resize(windowMs, now)
    } else if (windowCalls !== undefined && this.#window instanceof CountWindow) {
      if (windowCalls !== before.windowCalls) this.#window.resize(windowCalls)
    } else this.#window = windowFor(options)
    // Fewer probes may be enough now, and then no further one would be let through to say so.
    if (this.#state === 'half-open' && this.#probed >= options.probes) this.#recovered()
  }

  /** Holds it open or closed; released it begins anew, closed. */
  force(state: 'open' | 'closed' | undefined): void {
    this.#forced = state
    this.#close()
  }

  /** Whether it makes a difference when a call begins: reading the clock is most of what a closed breaker costs. */
  needsTime(options: CircuitSettings): boolean {
    return this.#state !== 'closed' || options !== this.#options || options.slowCallMs !== Number.POSITIVE_INFINITY
  }

  /** Lets a call through, or not. `now` means nothing where it needs no time. */
  admit(now: number, context: Context): Admission | undefined {
    if (this.#forced === 'open') return undefined
    if (this.#forced === 'closed') return this.#admission(now, noPeriod)
    if (this.#state === 'open') {
      if (now < this.#openUntil) return undefined
      this.#enter('half-open')
      this.#emit({ type: 'half-opened' })
    }
    if (this.#state === 'half-open' && this.#isInProbe(context)) return this.#admission(now, noPeriod)
    if (this.#state === 'half-open' && !this.#hasPlace()) this.#forgetProbes(now)
    const isProbe = this.#state === 'half-open' // the probes that were forgotten may have closed it
    if (isProbe && !this.#hasPlace()) return undefined
    const admission = this.#admission(now, this.#period)
    if (isProbe) this.#probing.set(admission, context)
    return admission
  }

  #admission(startedAt: number, period: number): Admission {
    return { options: this.#options, startedAt, period, openedAt: undefined }
  }

  /** A call that was let through has ended. */
  settle(admission: Admission, verdict: Verdict, now: number): void {
    if (admission.period !== this.#period) return
    const isSlow = (admission.openedAt ?? now) - admission.startedAt >= admission.options.slowCallMs
    if (this.#state === 'half-open')
      this.#settleProbe(admission, isSlow && verdict === 'success' ? 'failure' : verdict, now)
    else if (verdict !== 'nothing') this.#count(verdict === 'failure', isSlow, now)
  }

  #settleProbe(probe: Admission, verdict: Verdict, now: number): void {
    this.#probing.delete(probe)
    if (verdict === 'success') this.#probeSucceeded()
    if (verdict === 'failure') {
      this.#options.strategy?.failure(2)
      this.#open('probe', now)
    }
  }

  #probeSucceeded(): void {
    if (++this.#probed >= this.#options.probes) this.#recovered()
  }

  #recovered(): void {
    this.#close()
    this.#emit({ type: 'closed' })
  }

  /** Whether a call is part of a probe, which has its place already and will say what came of it. */
  #isInProbe(context: Context): boolean {
    for (const probe of this.#probing.values()) if (isWithin(context, probe)) return true
    return false
  }

  #hasPlace(): boolean {
    return this.#probing.size + this.#probed < this.#options.probes
  }

  /** Gives the places of probes that take too long to others. One whose stream is open has been answered. */
  #forgetProbes(now: number): void {
    for (const probe of this.#probing.keys()) {
      if (now - probe.startedAt < this.#options.probeMs) continue
      this.#probing.delete(probe)
      if (probe.openedAt === undefined) continue // it may still tell, late
      probe.period = noPeriod
      this.#probeSucceeded()
    }
  }

  #count(hasFailed: boolean, isSlow: boolean, now: number): void {
    const { strategy } = this.#options
    this.#consecutive = hasFailed ? this.#consecutive + 1 : 0
    this.#window.advance(now)
    this.#window.count((1 << calls) | (hasFailed ? 1 << failures : 0) | (isSlow ? 1 << slow : 0))
    const isTold = strategy !== undefined && (hasFailed ? strategy.failure(0) : void strategy.success(0))
    const why = isTold === true ? 'strategy' : this.#limitReached()
    if (why !== undefined) this.#open(why, now)
  }

  #limitReached(): OpenReason | undefined {
    const { strategy, consecutiveFailures, errorRatio, minCalls, windowCalls, slowRatio } = this.#options
    if (this.#window.total(failures) === 0 && this.#window.total(slow) === 0) return undefined // the one that ended, too
    const all = this.#window.total(calls)
    // A window that is full is enough, even where it is smaller than minCalls: it would never open.
    const isEnough = all >= minCalls || (all === windowCalls && minCalls !== Number.POSITIVE_INFINITY)
    if (strategy === undefined) {
      if (this.#consecutive >= consecutiveFailures) return 'consecutiveFailures'
      if (isEnough && this.#window.total(failures) >= errorRatio * all) return 'errorRatio'
    }
    return isEnough && this.#window.total(slow) >= slowRatio * all ? 'slowRatio' : undefined
  }

  #open(why: OpenReason, now: number): void {
    const { openMs, openFactor, openJitter, random } = this.#options
    const { maxOpenMs = Math.max(openMs, 300_000) } = this.#options // Finagle's and Envoy's
    const longest = Math.min(maxOpenMs, openMs * openFactor ** this.#openings++)
    const lasts = longest * (1 - openJitter * (openJitter === 0 ? 0 : random.next()))
    this.#openUntil = now + lasts
    this.#enter('open')
    this.#emit({ type: 'opened', why, openMs: lasts, counts: this.#counts() })
  }

  #close(): void {
    this.#enter('closed')
    this.#openings = 0
    this.#consecutive = 0
    this.#window.clear()
    this.#options.strategy?.success(2)
  }

  #enter(state: BreakerState): void {
    this.#state = state
    this.#period++
    this.#probing.clear()
    this.#probed = 0
  }

  #counts(): BreakerCounts {
    const total = (column: number): number => this.#window.total(column)
    return { calls: total(calls), failures: total(failures), slow: total(slow), consecutiveFailures: this.#consecutive }
  }
}

function windowFor({ windowMs, windowCalls }: CircuitSettings): TimeWindow | CountWindow {
  return windowCalls === undefined ? new TimeWindow(windowMs, 3) : new CountWindow(windowCalls, 3)
}
