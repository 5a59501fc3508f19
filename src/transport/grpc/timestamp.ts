// RFC 3339 and google.protobuf.Timestamp. A Timestamp is an instant, to the nanosecond and from year 1 to 9999: the offset that a text
// was written with is lost, the digits of its second are not.

/** Seconds since 1970, and nanoseconds from 0 to 999 999 999 after these. */
export interface Instant {
  readonly seconds: number
  readonly nanos: number
}

const minSeconds = -62_135_596_800
const maxSeconds = 253_402_300_799
const rule = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/** The instant of a `Date` or of a text; undefined for what is none, and outside the years. */
export function instantOf(value: unknown): Instant | undefined {
  const instant = typeof value === 'string' ? ofText(value) : ofDate(value)
  return instant !== undefined && isInRange(instant.seconds) ? instant : undefined
}

/** The text of an instant, with as many digits as a `Date` has, or more; undefined for one out of range. */
export function dateTimeText(seconds: number, nanos: number): string | undefined {
  if (!isInRange(seconds) || nanos < 0 || nanos > 999_999_999) return undefined
  const text = new Date(seconds * 1_000 + Math.floor(nanos / 1_000_000)).toISOString()
  const beyond = nanos % 1_000_000
  if (beyond === 0) return text
  const digits = String(beyond).padStart(6, '0')
  return `${text.slice(0, -1)}${digits.endsWith('000') ? digits.slice(0, 3) : digits}Z`
}

function isInRange(seconds: number): boolean {
  return seconds >= minSeconds && seconds <= maxSeconds
}

function ofDate(value: unknown): Instant | undefined {
  if (Object.prototype.toString.call(value) !== '[object Date]') return undefined
  const ms = (value as Date).getTime() // by its tag, since it may be another realm's
  if (Number.isNaN(ms)) return undefined
  const seconds = Math.floor(ms / 1_000)
  return { seconds, nanos: (ms - seconds * 1_000) * 1_000_000 }
}

function ofText(text: string): Instant | undefined {
  const found = rule.exec(text)
  if (found === null) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map(part => Number(part ?? 0))
  const [, , , , , , , fraction = '', sign, offsetHours = '0', offsetMinutes = '0'] = found
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  const isReal =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60
  if (!isReal || Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return undefined
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60 * (sign === '-' ? -1 : 1)
  return { seconds: date.getTime() / 1_000 - offset, nanos: Number(fraction.padEnd(9, '0')) }
}
