// Checks the numbers in options, where they are given: a limit that is NaN or negative would hold nothing, in silence.

/** `value`, a whole number of at least `least`. Throws `RangeError`, naming the option, for any other. */
export function limit(name: string, value: number, least = 1): number {
  if (Number.isInteger(value) && value >= least) return value
  throw new RangeError(`http: ${name} must be a whole number from ${least} on, got ${value}`)
}
