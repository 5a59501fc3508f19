// Compares what was measured with what was promised. A promise is held only when the whole interval is on its side.
import type { Bench, Target } from './bench.js'
import type { Samples } from './rounds.js'
import { pairedRatio, type Spread, spreadOf } from './statistics.js'

export interface Verdict extends Target {
  readonly ratio: Spread
  readonly verdict: 'held' | 'unclear' | 'missed' | ''
}

export function judge(bench: Bench, samples: Samples): readonly Verdict[] {
  return bench.targets.map(target => {
    const { ours, theirs, column } = target
    const ratio =
      theirs === undefined ? spreadOf(valuesOf(samples, ours, column)) : ratioOf(samples, ours, theirs, column)
    return { ...target, ratio, verdict: verdictOn(ratio, target.atMost) }
  })
}

function verdictOn(ratio: Spread, atMost: number | undefined): Verdict['verdict'] {
  if (atMost === undefined) return ''
  if (ratio.high <= atMost) return 'held'
  return ratio.low <= atMost ? 'unclear' : 'missed'
}

export function ratioOf(samples: Samples, ours: string, theirs: string, column: string): Spread {
  return pairedRatio(valuesOf(samples, ours, column), valuesOf(samples, theirs, column))
}

export function medianOf(samples: Samples, contender: string, column: string): number {
  return spreadOf(valuesOf(samples, contender, column)).median
}

function valuesOf(samples: Samples, contender: string, column: string): readonly number[] {
  const values = samples[contender]?.[column]
  if (values === undefined) throw new Error(`'${contender}' measured nothing for '${column}'`)
  return values
}
