// The assertions that the suites are written with: node:assert's names and meaning, without node, since the suites run in
// browsers and on edge runtimes too.

/** Fails unless `condition` is true (or truthy). */
export function ok(condition: unknown, message = 'expected something true'): asserts condition {
  if (!condition) fail(`${message}: got ${shown(condition)}`)
}

/** Fails unless both are the same value, by `Object.is`. */
export function equal(actual: unknown, expected: unknown, message?: string): void {
  if (!Object.is(actual, expected)) fail(difference(actual, expected, message))
}

/** Fails if both are the same value. */
export function notEqual(actual: unknown, unexpected: unknown, message = 'expected something else'): void {
  if (Object.is(actual, unexpected)) fail(`${message}: got ${shown(actual)}`)
}

/** Fails unless both have the same shape, down to the prototypes: a missing field is not an undefined one. */
export function deepEqual(actual: unknown, expected: unknown, message?: string): void {
  if (!isSame(actual, expected)) fail(difference(actual, expected, message))
}

/** Fails unless the text matches. */
export function match(actual: string, pattern: RegExp, message = 'expected other text'): void {
  if (!pattern.test(actual)) fail(`${message}: ${shown(actual)} does not match ${pattern}`)
}

/** Fails. */
export function fail(message = 'failed'): never {
  throw new AssertionError(message)
}

/** What a failed assertion throws. */
class AssertionError extends Error {
  override readonly name: string = 'AssertionError'
}

function difference(actual: unknown, expected: unknown, message = 'not as expected'): string {
  return `${message}\n  expected: ${shown(expected)}\n  got:      ${shown(actual)}`
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime())
  if (a instanceof Map && b instanceof Map) return isSame([...a], [...b])
  if (a instanceof Set && b instanceof Set) return isSame([...a], [...b])
  if (a instanceof Error && b instanceof Error && a.message !== b.message) return false
  const names = Object.keys(a)
  if (names.length !== Object.keys(b).length) return false
  return names.every(name => Object.hasOwn(b, name) && isSame(Reflect.get(a, name), Reflect.get(b, name)))
}

/** For messages only: what JSON would hide is said. */
function shown(value: unknown): string {
  const replaced = (_: string, each: unknown): unknown => {
    if (each === undefined) return '(undefined)'
    if (typeof each === 'bigint') return `${each}n`
    if (typeof each === 'number' && !Number.isFinite(each)) return `(${each})`
    if (each instanceof Error || typeof each === 'function' || typeof each === 'symbol') return `(${String(each)})`
    return each
  }
  const text = JSON.stringify(value, replaced) ?? String(value)
  return text.length > 2000 ? `${text.slice(0, 2000)}…` : text
}
