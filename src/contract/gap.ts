// What one schema accepts and another does not, and where in a message that is.

/** A value that the one accepts and the other may not. */
export interface Gap {
  /** Where in the message: `lines[].sku`. */
  readonly path: string
  readonly reason: string
}

/** Differences of the values themselves. */
export function here(differences: readonly string[]): readonly Gap[] {
  return differences.map(reason => ({ path: '', reason }))
}

/** Differences of what is in a value, seen from the value. */
export function within(name: string, found: readonly Gap[]): readonly Gap[] {
  return found.map(({ path, reason }) => ({
    path: path === '' || path.startsWith('[') ? name + path : `${name}.${path}`,
    reason,
  }))
}

/** Two cases of a choice often differ from the other side in the same way. */
export function distinct(found: readonly Gap[]): readonly Gap[] {
  return [...new Map(found.map(gap => [`${gap.path}\n${gap.reason}`, gap])).values()]
}
