// Checks the numbers in options, where they are given: a limit that is NaN or negative would hold nothing, in silence.

/** `value`, a whole number from `least` to `most`. Throws `RangeError`, naming the option, for any other. */
export type Limit = (name: string, value: number, least?: number, most?: number) => number

/** The check for the options of a transport, whose name is in what it throws. */
export function limitsOf(transport: string): Limit {
  return (name, value, least = 1, most = Number.POSITIVE_INFINITY) => {
    if (Number.isInteger(value) && value >= least && value <= most) return value
    const range = most === Number.POSITIVE_INFINITY ? `from ${least} on` : `from ${least} to ${most}`
    throw new RangeError(`${transport}: ${name} must be a whole number ${range}, got ${value}`)
  }
}
