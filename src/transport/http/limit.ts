// Checks the numbers in options, where they are given: a limit that is NaN or negative would hold nothing, in silence.

/** `value`, a whole number from `least` to `most`. Throws `RangeError`, naming the option, for any other. */
export function limit(name: string, value: number, least = 1, most: number = Number.POSITIVE_INFINITY): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  const range = most === Number.POSITIVE_INFINITY ? `from ${least} on` : `from ${least} to ${most}`
  throw new RangeError(`http: ${name} must be a whole number ${range}, got ${value}`)
}
