/**
 * How much a test does: little in `npm test`, much in `npm run test:deep`. One place, so that no test reads the environment itself.
 */

/** True in `npm run test:deep`. */
const isDeep: boolean = process.env['TENON_DEEP'] === '1'

/**
 * Picks a count (of property runs, of calls, of virtual hours) by how the tests were started.
 *
 * @example
 * ```ts no-run
 * fc.assert(property, { numRuns: deep(100, 5_000) })
 * ```
 */
export function deep<T>(normal: T, large: T): T {
  return isDeep ? large : normal
}
