// Runs a benchmark: rounds in which each contender has its turn, in a process of its own, so that neither a slow minute of
// the machine nor code that was optimised for somebody else favours one of them.
import type { Bench, Contender, Figures } from './bench.js'
import { pinned } from './pinned.js'

/** One value a round, by contender and column. */
export type Samples = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>

export async function runRounds(bench: Bench, rounds: number): Promise<Samples> {
  const samples: Record<string, Record<string, number[]>> = {}
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    const contenders = rotated(
      bench.contenders.filter(each => round < (each.rounds ?? rounds)),
      round,
    )
    for (const pass of bench.passes ?? [[]]) {
      for (const contender of contenders) {
        const figures = await figuresOf(bench, contender, pass)
        for (const [column, value] of Object.entries(figures)) {
          samples[contender.name] ??= {}
          const row = samples[contender.name] as Record<string, number[]> // made in the line above
          row[column] = [...(row[column] ?? []), value]
        }
      }
    }
    const seconds = Math.round((performance.now() - began) / 1000)
    process.stderr.write(`${bench.name}: round ${round + 1} of ${rounds}: ${contenders.length} rows in ${seconds} s\n`)
  }
  return samples
}

async function figuresOf(bench: Bench, contender: Contender, pass: readonly string[]): Promise<Figures> {
  const { file, args = [] } = contender
  const figures = await (bench.run?.(contender, pass) ?? pinned(file, [...args, ...pass]))
  for (const [column, value] of Object.entries(figures)) {
    if (!bench.columns.includes(column)) throw new Error(`${contender.name} measured '${column}', which is no column`)
    if (!(value > 0)) throw new Error(`${contender.name} measured ${value} for '${column}'`)
  }
  return figures
}

// Each is first, and behind each other, as often as the others.
function rotated<T>(list: readonly T[], by: number): readonly T[] {
  const start = by % list.length
  return [...list.slice(start), ...list.slice(0, start)]
}
