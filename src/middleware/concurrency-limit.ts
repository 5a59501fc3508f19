// How many calls a service can work on at once, found out instead of configured: latency grows when work queues up somewhere, so the limit
// goes up while it stays, and down when it grows. The three algorithms and their constants are those of Netflix's concurrency-limits.

/** What a window of calls showed. */
export interface LimitSample {
  /** Their mean latency, in ms. */
  readonly latencyMs: number
  /** The most calls that were going on at once. */
  readonly inFlight: number
  /** Whether one of them failed as what is overloaded does: late, or refused. */
  readonly hasDropped: boolean
}

/** An algorithm: what the limit becomes. It may remember what it has seen. */
export interface LimitAlgorithm {
  next(limit: number, sample: LimitSample): number
}

/** The names of the algorithms. */
export type LimitAlgorithmName = 'gradient' | 'vegas' | 'aimd'

/** An algorithm by its name, without memory. */
export function limitAlgorithm(name: LimitAlgorithmName): LimitAlgorithm {
  return { gradient, vegas, aimd }[name]()
}

/** Gradient2: the recent latency against a long average of it; shrinks by their ratio, and grows by a small queue. */
function gradient(): LimitAlgorithm {
  const tolerance = 1.5
  const smoothing = 0.2
  const allowedQueue = 4
  const long = longAverage(2_400) // windows of 250 ms: ten minutes, as there
  return {
    next(limit, { latencyMs, inFlight }) {
      const longMs = long.add(latencyMs)
      // After a time of overload the average must come down faster than it would by itself.
      if (longMs > 2 * latencyMs) long.scale(0.95)
      if (inFlight < limit / 2) return limit // few calls say nothing about many
      const ratio = Math.max(0.5, Math.min(1, (tolerance * longMs) / latencyMs))
      return limit * (1 - smoothing) + (limit * ratio + allowedQueue) * smoothing
    },
  }
}

/**
 * TCP Vegas: the queue is what the latency has in excess of the least ever seen, times the limit. The least is measured anew at times,
 * with half of the calls: under load it would be what the load makes it, and the limit would drift upwards.
 */
function vegas(): LimitAlgorithm {
  let leastMs = Number.POSITIVE_INFINITY
  let untilProbe = 0
  /** The limit to go on with after a probe, and how many samples that takes: the first still has calls from before. */
  let probe: { readonly limit: number; samples: number } | undefined
  return {
    next(limit, { latencyMs, inFlight, hasDropped }) {
      const step = Math.max(1, Math.log10(limit))
      if (probe !== undefined) {
        if (--probe.samples > 0) return limit
        leastMs = latencyMs
        const before = probe.limit
        probe = undefined
        return before
      }
      if (--untilProbe <= 0) {
        untilProbe = 30 * Math.ceil(step) // the least may have become more
        const isFirst = leastMs === Number.POSITIVE_INFINITY
        if (isFirst) leastMs = latencyMs
        else probe = { limit, samples: 2 }
        return isFirst ? limit : limit / 2
      }
      if (latencyMs < leastMs) {
        leastMs = latencyMs
        return limit
      }
      if (hasDropped) return limit - step
      if (inFlight < limit / 2) return limit
      const queue = Math.ceil(limit * (1 - leastMs / latencyMs))
      if (queue <= step) return limit + 6 * step
      if (queue < 3 * step) return limit + step
      return queue > 6 * step ? limit - step : limit
    },
  }
}

/** Additive increase, multiplicative decrease: blind to latency until calls come too late. */
function aimd(): LimitAlgorithm {
  return {
    next: (limit, { inFlight, hasDropped }) => (hasDropped ? limit * 0.9 : inFlight >= limit / 2 ? limit + 1 : limit),
  }
}

/** An exponential average whose first values count in full. */
function longAverage(length: number): { add(value: number): number; scale(by: number): void } {
  const warmUp = 10
  let count = 0
  let sum = 0
  let average = 0
  return {
    add(value) {
      if (count < warmUp) {
        count++
        sum += value
        average = sum / count
      } else average += (value - average) * (2 / (length + 1))
      return average
    },
    scale(by) {
      average *= by
    },
  }
}
