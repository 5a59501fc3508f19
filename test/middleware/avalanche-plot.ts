/** The runs of the avalanche as a picture: what part of the calls of each second was answered. */
import type { Run } from './avalanche-simulation.js'

/** One line of the plot. */
export interface PlotLine {
  readonly label: string
  readonly colour: string
  readonly run: Run
}

const [width, height, left, right, top, bottom] = [760, 300, 56, 20, 46, 44]

/** Draws the lines over the time of the first one. */
export function plotOf(title: string, lines: readonly PlotLine[]): string {
  const [first] = lines
  if (first === undefined) throw new TypeError('plotOf: no lines')
  const { seconds, outageAt, recoversAt } = first.run
  const x = (second: number) => left + ((width - left - right) * second) / seconds.length
  const y = (share: number) => top + (height - top - bottom) * (1 - share)
  const text = (at: readonly [number, number], words: string, more = '') =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" ${more}>${words}</text>`
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap(share => [
    `<path d="M${left} ${y(share)}H${width - right}" stroke="#d0d7de"/>`,
    text([left - 8, y(share) + 4], `${share * 100} %`, 'text-anchor="end"'),
  ])
  const ticks = seconds.flatMap((_, second) =>
    second % 10 === 0 ? [text([x(second), height - bottom + 18], String(second), 'text-anchor="middle"')] : [],
  )
  const paths = lines.map(({ colour, run }) => {
    const points = run.seconds.map(
      ({ offered, answered }, second) =>
        `${x(second + 0.5).toFixed(1)} ${y(offered === 0 ? 0 : answered / offered).toFixed(1)}`,
    )
    return `<path d="M${points.join('L')}" fill="none" stroke="${colour}" stroke-width="2"/>`
  })
  const legend = lines.flatMap(({ label, colour }, i) => [
    `<path d="M${left + 230 * i} 34h18" stroke="${colour}" stroke-width="3"/>`,
    text([left + 230 * i + 24, 38], label),
  ])
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#24292f">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<rect x="${x(outageAt).toFixed(1)}" y="${top}" width="${(x(recoversAt) - x(outageAt)).toFixed(1)}" height="${height - top - bottom}" fill="#ffebe9"/>`,
    text([x((outageAt + recoversAt) / 2), top + 16], 'outage', 'text-anchor="middle" fill="#82071e"'),
    text([left, 18], title, 'font-weight="bold" font-size="13"'),
    ...grid,
    ...ticks,
    text([(left + width - right) / 2, height - 8], 'time of the call, in s', 'text-anchor="middle"'),
    ...paths,
    ...legend,
    '</svg>',
  ].join('\n')}\n`
}
