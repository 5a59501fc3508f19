// Claims that several calls share must be nobody's to change. Frozen whether they are shared or not, so that turning the memory on shows
// no new mistakes.

/** The value, with its plain objects and arrays frozen, those inside of them too. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return value
  Object.freeze(value)
  for (const name in value) frozen(value[name]) // `Object.values` would make a list for each
  return value
}
