// SkyWalking's baggage: `sw8-correlation`. Much smaller than W3C's, because its agents keep to three short entries.
import { type Context, type Metadata, withOutgoing } from '../../core/index.js'
import { fromBase64, toBase64 } from './base64-text.js'
import { withoutBlanks } from './trace-state.js'

/** Texts by name. */
export type Correlation = ReadonlyMap<string, string>

/** What SkyWalking's agents send at most, as they are configured at first. */
const maxEntries = 3
const maxValueLength = 128

const none: Correlation = new Map()
const known: WeakMap<Metadata, Correlation> = new WeakMap()

/** What the header says. Never throws: of a header with a wrong entry, or more than 64, nothing is taken. */
export function correlationFromWire(header: string): Correlation {
  const members = header.split(',')
  if (members.length > 64) return none
  const entries = new Map<string, string>()
  for (const member of members) {
    const [name, value, ...others] = withoutBlanks(member).split(':').map(fromBase64)
    if (name === undefined || name === '' || value === undefined || others.length > 0) return none
    entries.set(name, value)
  }
  return entries
}

/** The header that says it; undefined for none, more than 3 entries, an empty name or a value of more than 128 characters. */
export function correlationToWire(correlation: Correlation): string | undefined {
  if (correlation.size === 0 || correlation.size > maxEntries) return undefined
  for (const [name, value] of correlation) if (name === '' || value.length > maxValueLength) return undefined
  return Array.from(correlation, ([name, value]) => `${toBase64(name)}:${toBase64(value)}`).join(',')
}

/** The correlation that came with a call. Read once for each call. Never throws. */
export function correlationOf({ metadata }: Context): Correlation {
  const header = metadata.get('sw8-correlation')
  if (header === undefined) return none
  let correlation = known.get(metadata)
  if (correlation === undefined) {
    correlation = correlationFromWire(header)
    known.set(metadata, correlation)
  }
  return correlation
}

/**
 * A context whose calls carry more correlation: what goes out already, or else what came in, with these entries added; `undefined`
 * takes one away. Throws `RangeError` for more than 3 entries, an empty name or a value of more than 128 characters.
 */
export function withCorrelation<R extends Context>(
  context: R,
  changes: Readonly<Record<string, string | undefined>>,
): R {
  const correlation = new Map(correlationFromWire(context.outgoing.get('sw8-correlation') ?? ''))
  for (const [name, value] of Object.entries(changes)) {
    correlation.delete(name)
    if (value !== undefined) correlation.set(name, value)
  }
  const header = correlationToWire(correlation)
  if (header === undefined && correlation.size > 0)
    throw new RangeError(`withCorrelation: more than ${maxEntries} entries, or a value longer than ${maxValueLength}`)
  return withOutgoing(context, { 'sw8-correlation': header ?? '' })
}
