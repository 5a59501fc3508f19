// Makes on first use what few processes need. Of patterns those that name Unicode properties: the engine looks up all their
// characters as soon as it reads the literal, even inside a function, and two of them were a twentieth of what `import 'tenon'` adds.

/** Gives what `make` makes: always the same, made when it is asked for first. */
export function late<T extends object>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** A pattern, by its source and flags, that the engine does not read before its first use. */
export function latePattern(source: string, flags: string): () => RegExp {
  return late(() => new RegExp(source, flags))
}
