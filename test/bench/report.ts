// What was measured, as text for people and as data for programs.
import type { Bench } from './bench.js'
import type { Samples } from './rounds.js'
import type { Spread } from './statistics.js'
import type { Surroundings } from './surroundings.js'
import { judge, medianOf, ratioOf, type Verdict } from './verdict.js'

/** The section of a benchmark in the documentation, in Markdown. */
export function reportOf(bench: Bench, samples: Samples, { machine, versions }: Surroundings): string {
  const { contender: base, column: baseColumn } = bench.against
  const head = ['', ...bench.columns, `${baseColumn}: × ${base}`]
  const rows = bench.contenders.map(({ name }) => [
    name,
    ...bench.columns.map(column =>
      samples[name]?.[column] === undefined ? '' : number(medianOf(samples, name, column)),
    ),
    samples[name]?.[baseColumn] === undefined ? '' : interval(ratioOf(samples, name, base, baseColumn)),
  ])
  const peers = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return [
    `${bench.title}. Medians of ${roundsIn(samples)} rounds.`,
    table(head, rows),
    ...(bench.targets.length === 0
      ? []
      : [table(['ratio', 'target', 'measured', ''], judge(bench, samples).map(rowOf))]),
    `${machine}. ${peers.join(', ')}.`,
  ].join('\n\n')
}

/** `9`, or `9, 3 or 2` where some rows took part in fewer. */
function roundsIn(samples: Samples): string {
  const counts = Object.values(samples).flatMap(row => Object.values(row).map(({ length }) => length))
  const different = [...new Set(counts)].sort((a, b) => b - a)
  return different.join(', ').replace(/, (\d+)$/, ' or $1')
}

/** The same as data, with each round. */
export function jsonOf(bench: Bench, samples: Samples, surroundings: Surroundings): string {
  const { name, title } = bench
  return JSON.stringify({ name, title, ...surroundings, targets: judge(bench, samples), samples }, undefined, 2)
}

function rowOf({ ours, theirs, column, atMost, ratio: measured, verdict }: Verdict): readonly string[] {
  const limit = atMost === undefined ? '' : `at most ${ratio(atMost)}`
  const what = theirs === undefined ? ours : `${ours} / ${theirs}`
  return [`${what}, ${column}`, limit, interval(measured), verdict]
}

/** A table of Markdown, with numbers in all columns but the first. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows]
  return lines.map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

/** A number for a table. */
export function number(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 1 : 0 })
}

function ratio(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: value < 1 ? 2 : 3 })
}

function interval({ median, low, high }: Spread): string {
  return `${ratio(median)} (${ratio(low)}–${ratio(high)})`
}
