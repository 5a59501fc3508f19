// How much one span may hold, so that a loop which writes events costs a bound and not the process.
import type { SpanAttributes, SpanValue } from './span.js'

/** The most that one span holds; what is more is dropped and counted. */
export interface SpanLimits {
  /** 1 to 1,000. @defaultValue 32 */
  readonly maxAttributes?: number
  /** 0 to 10,000. @defaultValue 64 */
  readonly maxEvents?: number
  /** 0 to 1,000. @defaultValue 32 */
  readonly maxLinks?: number
  /** The longest text of a value, in UTF-16 units: 16 to 100,000; a longer one is cut. Names are cut at 128. @defaultValue 1,024 */
  readonly maxValueLength?: number
}

export type Limits = Required<SpanLimits>

/** The limits in force. Throws `RangeError` for what is out of its range. */
export function limitsOf({
  maxAttributes = 32,
  maxEvents = 64,
  maxLinks = 32,
  maxValueLength = 1_024,
}: SpanLimits = {}): Limits {
  const checked = (name: string, value: number, [min, max]: readonly [number, number]): number => {
    if (Number.isInteger(value) && value >= min && value <= max) return value
    throw new RangeError(`tracer: ${name} must be an integer from ${min} to ${max}, got ${value}`)
  }
  return {
    maxAttributes: checked('maxAttributes', maxAttributes, [1, 1_000]),
    maxEvents: checked('maxEvents', maxEvents, [0, 10_000]),
    maxLinks: checked('maxLinks', maxLinks, [0, 1_000]),
    maxValueLength: checked('maxValueLength', maxValueLength, [16, 100_000]),
  }
}

const maxNameLength = 128

/** A name as it is kept. */
export function boundedName(name: string): string {
  return name.length <= maxNameLength ? name : name.slice(0, maxNameLength)
}

/** A value as it is kept; undefined for what is none. */
export function boundedValue(value: SpanValue, maxLength: number): SpanValue | undefined {
  if (typeof value === 'string') return value.length <= maxLength ? value : `${value.slice(0, maxLength - 1)}…`
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  return typeof value === 'boolean' ? value : undefined
}

/** The attributes of an event or a link, as they are kept. */
export function boundedAttributes(given: SpanAttributes, { maxAttributes, maxValueLength }: Limits): SpanAttributes {
  const kept: [string, SpanValue][] = []
  for (const name in given) {
    const value = boundedValue(given[name] as SpanValue, maxValueLength) // checked there
    if (value === undefined) continue
    if (kept.length === maxAttributes) break
    kept.push([boundedName(name), value])
  }
  return kept.length === 0 ? none : Object.fromEntries(kept)
}

/** No attributes. */
export const none: SpanAttributes = Object.freeze({})
