// What Hystrix knows of one command: how its calls of the last ten seconds ended, how long they took and how many go on. Counts follow
// HystrixCommandMetrics: one end per call, and what a fallback, a cache or a collapser did beside it.
import { blame, type Clock, isFailure, type Outcome, type PolicyEvent, systemClock } from '../../core/index.js'
import type { BreakerState } from '../circuit.js'
import { LatencyHistogram } from '../latency-histogram.js'
import { TimeWindow } from '../rolling-window.js'

/** How far back Hystrix counts, in ms. */
export const windowMs = 10_000
/** How far back it looks at latencies, in ms. */
const latencyWindowMs = 60_000

/** Hystrix's names of what is counted, each a `rollingCount…` of the stream; their order is that of the window's columns. */
export const counted = [
  'Success',
  'Failure',
  'Timeout',
  'ShortCircuited',
  'SemaphoreRejected',
  'BadRequests',
  'ExceptionsThrown',
  'FallbackSuccess',
  'FallbackFailure',
  'FallbackMissing',
  'ResponsesFromCache',
  'CollapsedRequests',
] as const

/** One of {@link counted}. */
export type Counted = (typeof counted)[number]

interface Told {
  readonly onEvent: (listener: (event: PolicyEvent) => void) => () => void
}

/** The policies of a command: what their options and states are, the stream shows; what they do, it counts. Each may be left out. */
export interface CommandPolicies {
  /** Shown as the circuit. */
  readonly breaker?: {
    readonly state: BreakerState
    readonly forced: 'open' | 'closed' | undefined
    readonly options: { readonly minCalls?: number; readonly openMs?: number; readonly errorRatio?: number }
  }
  /** Shown as the semaphore. */
  readonly bulkhead?: { readonly options: { readonly maxConcurrent: number } }
  /** Shown as the time-out. */
  readonly timeout?: { readonly options: { readonly timeoutMs: number } }
  /** Its successes and failures are counted; without one, each failure counts as one that had no fallback. */
  readonly fallback?: Told
  /** Its hits are counted. */
  readonly cache?: Told
  /** The requests in its batches are counted. */
  readonly collapse?: Told
}

/** Options of {@link HystrixStream.command}. */
export interface CommandOptions extends CommandPolicies {
  /** What the command is called. @defaultValue `service/method` of what it wraps, a command for each */
  readonly name?: string
  /** Which group it is shown in. @defaultValue the service, or `default` where that is not known */
  readonly group?: string
}

/** The name and group of a command. */
export interface CommandKey {
  readonly name: string
  readonly group: string
}

const concurrency = 10

/** One command, recorded. */
export class Command implements CommandKey {
  readonly name: string
  readonly group: string
  readonly policies: CommandPolicies
  readonly #window: TimeWindow = new TimeWindow(windowMs, counted.length)
  readonly #latencies: LatencyHistogram = new LatencyHistogram()
  /** The most calls at once, by the second. */
  readonly #highest: { second: number; calls: number }[] = Array.from({ length: concurrency }, () => ({
    second: Number.NEGATIVE_INFINITY,
    calls: 0,
  }))
  #clock: Clock = systemClock
  /** How many calls go on, with work that was answered by a timeout. */
  running = 0

  constructor({ name, group }: CommandKey, policies: CommandPolicies) {
    this.name = name
    this.group = group
    this.policies = policies
  }

  /** A call has begun: returns when. */
  began(clock: Clock): number {
    this.#clock = clock
    const now = clock.now()
    this.running++
    const second = Math.floor(now / 1_000)
    const place = this.#highest[((second % concurrency) + concurrency) % concurrency]
    if (place !== undefined) {
      if (place.second !== second) place.calls = 0
      place.second = second
      place.calls = Math.max(place.calls, this.running)
    }
    return now
  }

  /** A call that began at `startedAt` has ended. */
  ended(outcome: Outcome, startedAt: number): void {
    const end = endOf(outcome)
    if (end === undefined) return
    const now = this.#clock.now()
    this.count(end)
    if (hasRun.has(end)) this.#latencies.add(now - startedAt, now, latencyWindowMs)
    if (this.policies.fallback !== undefined || end === 'Success' || end === 'BadRequests') return
    this.count('FallbackMissing')
    this.count('ExceptionsThrown')
  }

  count(what: Counted): void {
    this.#window.advance(this.#clock.now())
    this.#window.count(1 << counted.indexOf(what))
  }

  /** How often each has happened in the last ten seconds. */
  counts(): Readonly<Record<Counted, number>> {
    this.#window.advance(this.#clock.now())
    return Object.fromEntries(counted.map((what, i) => [what, this.#window.total(i)])) as Record<Counted, number> // all of them
  }

  /** The most calls at once in the last ten seconds. */
  highest(): number {
    const oldest = Math.floor(this.#clock.now() / 1_000) - concurrency
    return Math.max(this.running, ...this.#highest.map(({ second, calls }) => (second > oldest ? calls : 0)))
  }

  /** Latencies of the last minute in ms: their mean, and those that each share does not exceed; 0 where there are none. */
  latencies(shares: readonly number[]): { readonly mean: number; readonly at: readonly number[] } {
    const now = this.#clock.now()
    if (this.#latencies.count(now, latencyWindowMs) === 0) return { mean: 0, at: shares.map(() => 0) }
    const at = shares.map(share => this.#latencies.quantile(Math.max(share, 1e-9), now, latencyWindowMs))
    return { mean: this.#latencies.mean(now, latencyWindowMs), at }
  }
}

const hasRun: ReadonlySet<Counted> = new Set(['Success', 'Failure', 'Timeout', 'BadRequests'] as const)

const refusals: Readonly<Record<string, Counted>> = {
  BREAKER_OPEN: 'ShortCircuited',
  BULKHEAD_FULL: 'SemaphoreRejected',
  OVERLOADED: 'SemaphoreRejected',
  RATE_LIMITED: 'SemaphoreRejected',
}

/** What a call's end counts as; a cancelled one as nothing. */
function endOf(outcome: Outcome): Counted | undefined {
  if (outcome._tag === 'Right' || !isFailure(outcome.left)) return 'Success' // a domain failure is the service's answer
  const { code, reason, peer } = outcome.left
  if (code === 'cancelled') return undefined
  const refusal = peer === undefined && Object.hasOwn(refusals, reason) ? refusals[reason] : undefined
  if (refusal !== undefined) return refusal
  if (code === 'deadline_exceeded') return 'Timeout'
  return blame(outcome.left) === 'caller' ? 'BadRequests' : 'Failure'
}
