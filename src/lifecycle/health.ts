// Liveness and readiness. Two questions, because the answers have opposite cures: what is not alive gets restarted, what is not
// ready gets no calls. So a dependency that is down is a matter of readiness only, else one outage restarts the whole fleet.
import type { ProbeReport, Probes } from '../contract/index.js'
import { type Clock, systemClock } from '../core/index.js'
import { type Check, NamedCheck, passed } from './check.js'
import type { OnLifecycleEvent } from './event.js'
import { reportProblems } from './log-events.js'
import { duration } from './settings.js'

/** Options of {@link health}. */
export interface HealthOptions {
  /** Readiness checks by name; all must pass, and they run concurrently. `lifecycle` is no name for one. @defaultValue none */
  readonly checks?: Readonly<Record<string, Check>>
  /** How long a check may take before it counts as failed, in ms. @defaultValue 1_000 */
  readonly checkTimeoutMs?: number
  /**
   * How long the result of the checks is kept, in ms, so that probes, however many, cannot load what is checked. 0 shares only
   * a run that is under way. @defaultValue 1_000
   */
  readonly checkCacheMs?: number
  /** Why it is not ready whatever the checks say; asked each time and never kept. @defaultValue nothing ever */
  readonly unready?: () => string | undefined
  /** Told when a check begins to fail and when it passes again. @defaultValue failing checks on stderr */
  readonly onEvent?: OnLifecycleEvent
  /** Times the checks. @defaultValue the system's */
  readonly clock?: Clock
}

/** Liveness and readiness, as probes ask for them and as programs change them. */
export interface Health extends Probes {
  /** Alive as long as it answers. */
  live(): ProbeReport
  /** Runs the checks or tells their last result; never rejects. */
  ready(): Promise<ProbeReport>
  /** Adds a readiness check; returns what removes it. Throws `TypeError` when the name is taken. */
  addCheck(name: string, check: Check): () => void
  /** `false`: not ready, until told `true`. While starting and draining it is not ready in any case. */
  setReady(ready: boolean): void
}

const reserved = 'lifecycle'

/**
 * Makes liveness and readiness, for a program that answers probes by other means than `serve`. Throws `TypeError` or
 * `RangeError` for options that make no sense.
 *
 * @example
 * ```ts
 * import { health } from 'tenon/lifecycle'
 *
 * const { ready } = health({ checks: { stock: async () => 'the warehouse does not answer' }, onEvent: () => {} })
 * console.assert((await ready()).ok === false)
 * ```
 */
export function health(options: HealthOptions = {}): Health {
  const { checks = {}, unready, onEvent = reportProblems, clock = systemClock } = options
  const timeoutMs = duration('health: checkTimeoutMs', options.checkTimeoutMs, 1_000)
  const cacheMs = duration('health: checkCacheMs', options.checkCacheMs, 1_000)
  const named = new Map<string, NamedCheck>()
  let held = false
  let latest: { readonly report: Promise<ProbeReport>; endedAt: number } | undefined

  const add = (name: string, check: Check) => {
    if (name === '' || name === reserved) throw new TypeError(`health: a check cannot be named '${name}'`)
    if (named.has(name)) throw new TypeError(`health: there is a check '${name}' already`)
    if (typeof check !== 'function') throw new TypeError(`health: check '${name}' is not a function`)
    named.set(name, new NamedCheck(name, check, { timeoutMs, clock, onEvent }))
  }
  for (const [name, check] of Object.entries(checks)) add(name, check)

  const run = async (): Promise<ProbeReport> => {
    const results = await Promise.all([...named.values()].map(async check => [check.name, await check.run()] as const))
    return { ok: results.every(([, said]) => said === passed), checks: Object.fromEntries(results) }
  }
  const checked = (): Promise<ProbeReport> => {
    if (latest !== undefined && clock.now() - latest.endedAt < cacheMs) return latest.report
    const mine = { report: run(), endedAt: Number.POSITIVE_INFINITY } // under way: shared
    latest = mine
    void mine.report.then(() => {
      mine.endedAt = clock.now()
    })
    return mine.report
  }
  const refusal = () => unready?.() ?? (held ? 'held' : undefined)
  const refused = (why: string): ProbeReport => ({ ok: false, checks: { [reserved]: why } })

  return {
    live: () => ({ ok: true, checks: {} }),
    async ready() {
      const before = refusal()
      if (before !== undefined) return refused(before)
      const report = await checked()
      const after = refusal() // a drain that began meanwhile
      return after === undefined ? report : refused(after)
    },
    addCheck(name, check) {
      add(name, check)
      const added = named.get(name)
      latest = undefined
      return () => {
        if (named.get(name) !== added) return
        named.delete(name)
        latest = undefined
      }
    },
    setReady(ready) {
      held = !ready
    },
  }
}
