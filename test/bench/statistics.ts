// Medians with intervals by order statistics: times have long tails and no known distribution, and this assumes none.

export interface Spread {
  readonly median: number
  /** The ends of an interval that covers the true median in at least 95 % of all repetitions; of all values, below six. */
  readonly low: number
  readonly high: number
}

export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('nothing was measured')
  const sorted = [...values].sort((a, b) => a - b)
  const at = (index: number): number => sorted[index] ?? Number.NaN
  const half = (sorted.length - 1) / 2
  const cut = Math.max(0, lowerRank(sorted.length) - 1)
  return {
    median: (at(Math.floor(half)) + at(Math.ceil(half))) / 2,
    low: at(cut),
    high: at(sorted.length - 1 - cut),
  }
}

// The largest k for which the k-th smallest and k-th largest of n values enclose the median often enough: the number of
// values below the median is binomial (n, 1/2), so they miss it with a chance of 2 P(fewer than k).
function lowerRank(n: number): number {
  let chance = 0.5 ** n
  let sum = chance
  let k = 0
  while (2 * sum <= 0.05) {
    k++
    chance *= (n - k + 1) / k
    sum += chance
  }
  return k
}

/**
 * Ratios of what was measured in the same round: what slows the machine for a while slows both sides of each. Of the rounds in which
 * both were measured, which are the first ones.
 */
export function pairedRatio(ours: readonly number[], theirs: readonly number[]): Spread {
  const both = ours.slice(0, theirs.length)
  return spreadOf(both.map((value, round) => value / (theirs[round] ?? Number.NaN)))
}
