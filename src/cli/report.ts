// Changes as text: what breaks first, by whom it breaks.
import type { Change } from '../contract/index.js'

const headings: readonly (readonly [Change['direction'], string])[] = [
  ['both', 'Breaking, for every caller'],
  ['request', 'Breaking: the new server may refuse what old clients send'],
  ['response', 'Breaking: old clients may not understand what the new server sends'],
]

/** A report for a terminal or a build's log. */
export function report(changes: readonly Change[]): string {
  if (changes.length === 0) return 'Nothing has changed.\n'
  const breaking = changes.filter(change => change.breaking)
  const sections = headings.map(([direction, heading]) =>
    section(
      heading,
      breaking.filter(change => change.direction === direction),
    ),
  )
  const others = section(
    'Not breaking',
    changes.filter(change => !change.breaking),
  )
  const count = breaking.length === 1 ? '1 breaking change' : `${breaking.length} breaking changes`
  return `${[...sections, others].filter(text => text !== '').join('\n')}\n${count}\n`
}

function section(heading: string, changes: readonly Change[]): string {
  const lines = changes.map(
    ({ operation, where, reason }) => `  ${operation}${where === '' ? '' : `  ${where}`}: ${reason}\n`,
  )
  return lines.length === 0 ? '' : `${heading}\n${lines.join('')}`
}
