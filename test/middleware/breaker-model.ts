/** A breaker as simple as it can be: it keeps every call and counts them anew each time. What `breaker` is held against. */
import { type Random, seededRandom } from '../../src/core/index.js'

export interface ModelOptions {
  readonly errorRatio: number
  readonly minCalls: number
  readonly windowMs: number
  readonly windowCalls?: number
  readonly consecutiveFailures: number
  readonly slowCallMs: number
  readonly slowRatio: number
  readonly openMs: number
  readonly openFactor: number
  readonly maxOpenMs: number
  readonly openJitter: number
  readonly probes: number
  readonly probeMs: number
}

interface Ended {
  at: number
  readonly hasFailed: boolean
  readonly isSlow: boolean
}

export interface ModelCall {
  readonly at: number
  readonly options: ModelOptions
  readonly begunIn: object | undefined
}

type Says = 'success' | 'failure' | 'nothing'

export class BreakerModel {
  options: ModelOptions
  state: 'closed' | 'open' | 'half-open' = 'closed'
  forced: 'open' | 'closed' | undefined
  readonly log: string[] = []
  readonly #random: Random
  #ended: Ended[] = []
  #row = 0
  #until = 0
  #timesOpened = 0
  #era: object = {}
  #probes: ModelCall[] = []
  #succeeded = 0

  constructor(options: ModelOptions, seed: number) {
    this.options = options
    this.#random = seededRandom(seed)
  }

  configure(changes: Partial<ModelOptions>, now: number): void {
    const old = this.options
    this.options = { ...old, ...changes }
    if (this.options.windowMs === old.windowMs) return
    this.#ended = this.#inWindow(now, old)
    const tenth = old.windowMs / 10
    for (const each of this.#ended) each.at = Math.floor(each.at / tenth) * tenth
  }

  force(state: 'open' | 'closed' | undefined): void {
    this.forced = state
    this.#close()
    this.log.push(state === undefined ? 'released' : `forced-${state}`)
  }

  /** The call that begins, or how long it has to wait: Infinity where nobody knows. */
  begin(now: number): ModelCall | number {
    const { probes, probeMs } = this.options
    if (this.forced === 'open') return this.#refuse(Number.POSITIVE_INFINITY)
    if (this.forced === 'closed') return { at: now, options: this.options, begunIn: undefined }
    if (this.state === 'open' && now < this.#until) return this.#refuse(this.#until - now)
    if (this.state === 'open') {
      this.#become('half-open')
      this.log.push('half-opened')
    }
    if (this.state === 'half-open' && this.#succeeded >= probes) {
      this.#close()
      this.log.push('closed')
    }
    const call: ModelCall = { at: now, options: this.options, begunIn: this.#era }
    if (this.state === 'closed') return call
    const full = (): boolean => this.#probes.length + this.#succeeded >= probes
    if (full()) this.#probes = this.#probes.filter(({ at }) => now - at < probeMs)
    if (full()) return this.#refuse(Number.POSITIVE_INFINITY)
    this.#probes.push(call)
    return call
  }

  end(call: ModelCall, says: Says, now: number): void {
    if (call.begunIn !== this.#era) return
    const isSlow = now - call.at >= call.options.slowCallMs
    if (this.state === 'half-open') {
      this.#probes = this.#probes.filter(each => each !== call)
      if (says === 'failure' || (says === 'success' && isSlow)) this.#open(now, 'probe')
      else if (says === 'success' && ++this.#succeeded >= this.options.probes) {
        this.#close()
        this.log.push('closed')
      }
    } else if (says !== 'nothing') {
      this.#row = says === 'failure' ? this.#row + 1 : 0
      this.#ended.push({ at: now, hasFailed: says === 'failure', isSlow })
      const why = this.#why(now)
      if (why !== undefined) this.#open(now, why)
    }
  }

  counts(now: number): object {
    const all = this.#inWindow(now, this.options)
    return {
      calls: all.length,
      failures: all.filter(({ hasFailed }) => hasFailed).length,
      slow: all.filter(({ isSlow }) => isSlow).length,
      consecutiveFailures: this.#row,
    }
  }

  #why(now: number): string | undefined {
    const { consecutiveFailures, minCalls, windowCalls = minCalls, errorRatio, slowRatio } = this.options
    if (this.#row >= consecutiveFailures) return 'consecutiveFailures'
    const all = this.#inWindow(now, this.options)
    if (minCalls === Infinity || all.length < Math.min(minCalls, windowCalls)) return undefined
    if (all.filter(({ hasFailed }) => hasFailed).length >= errorRatio * all.length) return 'errorRatio'
    return all.filter(({ isSlow }) => isSlow).length >= slowRatio * all.length ? 'slowRatio' : undefined
  }

  #inWindow(now: number, { windowMs, windowCalls }: ModelOptions): Ended[] {
    if (windowCalls !== undefined) return this.#ended.slice(-windowCalls)
    const bucket = (at: number): number => Math.floor(at / (windowMs / 10))
    return this.#ended.filter(({ at }) => bucket(at) > bucket(now) - 10)
  }

  #open(now: number, why: string): void {
    const { openMs, openFactor, maxOpenMs, openJitter } = this.options
    let longest = openMs
    for (let i = 0; i < this.#timesOpened; i++) longest *= openFactor
    longest = Math.min(longest, maxOpenMs)
    if (openJitter > 0) longest *= 1 - openJitter * this.#random.next()
    this.#timesOpened++
    this.#until = now + longest
    this.#become('open')
    this.log.push(`opened ${why} ${longest}`)
  }

  #close(): void {
    this.#become('closed')
    this.#ended = []
    this.#row = 0
    this.#timesOpened = 0
  }

  #become(state: 'closed' | 'open' | 'half-open'): void {
    this.state = state
    this.#era = {}
    this.#probes = []
    this.#succeeded = 0
  }

  #refuse(ms: number): number {
    this.log.push('refused')
    return ms
  }
}
