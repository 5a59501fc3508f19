// Checks options when they are given, so that a mistake shows at start-up rather than at the first stop.

/** A duration in ms, or its default; `name` is `serve: graceMs`. Throws `RangeError` when it is negative or not finite. */
export function duration(name: string, given: number | undefined, byDefault: number): number {
  const ms = given ?? byDefault
  if (!Number.isFinite(ms) || ms < 0) throw new RangeError(`${name} must be 0 or more ms, got ${ms}`)
  return ms
}
