/**
 * The algorithms of `shed` as their authors describe them (Netflix's concurrency-limits and, for Vegas, Brakmo and Peterson's paper),
 * with what Tenon does otherwise written out at each. What `limitAlgorithm` is held against, a step at a time.
 */
import type { LimitAlgorithmName, LimitSample } from '../../src/middleware/concurrency-limit.js'

export interface LimitModel {
  /** What became of the limit last: names the rule that was followed. */
  rule: string
  next(limit: number, sample: LimitSample): number
}

/**
 * Increases by one, decreases by a tenth. There the limit is a whole number; here only what is allowed is, so a tenth may be less than 1.
 * There a call of 5 s is a drop, too; here a call's own deadline says what is too late.
 */
class Aimd implements LimitModel {
  rule = ''

  next(limit: number, { inFlight, hasDropped }: LimitSample): number {
    if (hasDropped) {
      this.rule = 'decreases'
      return (limit * 9) / 10
    }
    this.rule = 2 * inFlight >= limit ? 'increases' : 'idle'
    return this.rule === 'increases' ? limit + 1 : limit
  }
}

/**
 * Gradient2: newLimit = gradient × limit + queue, of which a fifth is taken. A window is 250 ms here and 1 s there, so the long average
 * is as long with four times as many.
 */
class Gradient implements LimitModel {
  rule = ''
  readonly #first: number[] = []
  #longMs = 0

  next(limit: number, { latencyMs, inFlight }: LimitSample): number {
    const longMs = this.#average(latencyMs)
    const isRecovering = longMs / latencyMs > 2
    this.#longMs = isRecovering ? longMs * 0.95 : longMs // for the samples to come
    this.rule = isRecovering ? 'recovers' : ''
    if (2 * inFlight < limit) {
      this.rule += ' idle'
      return limit
    }
    let gradient = 1.5 * (longMs / latencyMs)
    if (gradient > 1) gradient = 1
    else if (gradient < 0.5) gradient = 0.5
    this.rule += gradient === 1 ? ' grows' : gradient === 0.5 ? ' shrinks by the most' : ' shrinks'
    const aim = gradient * limit + 4
    return limit + 0.2 * (aim - limit)
  }

  /** The mean of the first ten, then an exponential average as long as 600 windows of a second. */
  #average(latencyMs: number): number {
    if (this.#first.length < 10) {
      this.#first.push(latencyMs)
      return this.#first.reduce((sum, each) => sum + each) / this.#first.length
    }
    const weight = 2 / (600 * 4 + 1)
    return (1 - weight) * this.#longMs + weight * latencyMs
  }
}

/**
 * Vegas: queue = limit × (1 − least latency ÷ latency). Up by β where it is at most the threshold, up by one below α, down by one above
 * β; all in units of log₁₀ of the limit, which is rounded down there and not here. There, whichever sample comes when the time has
 * come gives the new least; here the limit is halved for two samples, of which the second does.
 */
class Vegas implements LimitModel {
  rule = ''
  #leastMs: number | undefined
  #samples = 0
  #measureAfter = 0
  #halvedFrom: number | undefined
  #halved = 0

  next(limit: number, { latencyMs, inFlight, hasDropped }: LimitSample): number {
    const unit = limit > 10 ? Math.log10(limit) : 1
    if (this.#halvedFrom !== undefined) return this.#measure(limit, latencyMs)
    if (this.#leastMs === undefined) {
      this.#startCounting(unit)
      return this.#becomesLeast(limit, latencyMs)
    }
    this.#samples++
    if (this.#samples === this.#measureAfter) {
      this.#startCounting(unit)
      this.#halvedFrom = limit
      this.rule = 'halves'
      return limit / 2
    }
    if (latencyMs < this.#leastMs) return this.#becomesLeast(limit, latencyMs)
    if (!hasDropped && 2 * inFlight < limit) {
      this.rule = 'idle'
      return limit
    }
    const queue = Math.ceil(limit * (1 - this.#leastMs / latencyMs))
    const [threshold, alpha, beta] = [unit, 3 * unit, 6 * unit]
    if (hasDropped || queue > beta) {
      this.rule = hasDropped ? 'drops' : 'decreases'
      return limit - unit
    }
    this.rule = queue <= threshold ? 'grows' : queue < alpha ? 'increases' : 'stays'
    return limit + (queue <= threshold ? beta : queue < alpha ? unit : 0)
  }

  #startCounting(unit: number): void {
    this.#samples = 0
    this.#measureAfter = 30 * Math.ceil(unit)
  }

  #becomesLeast(limit: number, latencyMs: number): number {
    this.#leastMs = latencyMs
    this.rule = 'least'
    return limit
  }

  #measure(limit: number, latencyMs: number): number {
    this.#halved++
    this.rule = `halved ${this.#halved}`
    if (this.#halved < 2) return limit
    const before = this.#halvedFrom ?? limit
    this.#leastMs = latencyMs
    this.#halvedFrom = undefined
    this.#halved = 0
    return before
  }
}

export function limitModel(name: LimitAlgorithmName): LimitModel {
  return name === 'aimd' ? new Aimd() : name === 'gradient' ? new Gradient() : new Vegas()
}

/** Every rule that the model of an algorithm follows. */
export const limitRules: Readonly<Record<LimitAlgorithmName, readonly string[]>> = {
  aimd: ['decreases', 'increases', 'idle'],
  gradient: [' grows', ' shrinks', ' shrinks by the most', ' idle', 'recovers idle', 'recovers grows'],
  vegas: ['least', 'halves', 'halved 1', 'halved 2', 'grows', 'increases', 'stays', 'decreases', 'drops', 'idle'],
}
