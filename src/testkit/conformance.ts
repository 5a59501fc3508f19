// Conformance suites are data: cases with a name, run against whatever claims to keep a contract, ours and third parties'
// alike. A deviation is declared with its reason and checked: one that no longer deviates fails, so that none outlives its
// cause.

/** One thing that every implementation must do. */
export interface ConformanceCase<Harness> {
  /** A sentence about behaviour, after its topic: `streams: items arrive in order`. Deviations are declared by it. */
  readonly name: string
  /** Rejects, saying what was expected, where the implementation does otherwise. */
  run(harness: Harness): Promise<void>
}

/** Options of {@link conformanceTests} and {@link runConformance}. */
export interface ConformanceOptions {
  /** The cases that the implementation is known to fail, by name, each with the reason why it may. @defaultValue none */
  readonly deviations?: Readonly<Record<string, string>>
}

/** A case bound to an implementation, as test runners take it. */
export interface ConformanceTest {
  /** The name of the case; of a deviation with its reason. */
  readonly name: string
  /** Rejects where the case fails, and where a declared deviation passes. */
  readonly run: () => Promise<void>
}

/**
 * The cases as tests, to register with any runner: `test(name, run)`.
 * Throws `TypeError` for a deviation without a case or without a reason, and for two cases of one name.
 *
 * @example
 * ```ts
 * import { test } from 'node:test'
 * import { conformanceTests, memoryHarness, transportConformance } from 'tenon/testkit'
 *
 * const deviations = { 'limits: a request above the limit is refused': 'nothing is sent, so nothing is too large' }
 * for (const { name, run } of conformanceTests(transportConformance, memoryHarness(), { deviations }).slice(0, 3)) {
 *   void test(name, run)
 * }
 * ```
 */
export function conformanceTests<Harness>(
  cases: readonly ConformanceCase<Harness>[],
  harness: Harness,
  options: ConformanceOptions = {},
): readonly ConformanceTest[] {
  const { deviations = {} } = options
  checkDeviations(cases, deviations)
  return cases.map(({ name, run }) => {
    const reason = Object.hasOwn(deviations, name) ? deviations[name] : undefined
    if (reason === undefined) return { name, run: () => run(harness) }
    return { name: `${name} (deviates: ${reason})`, run: () => mustFail(name, () => run(harness)) }
  })
}

async function mustFail(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch {
    return
  }
  throw new Error(`'${name}' is declared as a deviation, but passes: remove the declaration`)
}

function checkDeviations(
  cases: readonly { readonly name: string }[],
  deviations: Readonly<Record<string, string>>,
): void {
  const names = new Set<string>()
  for (const { name } of cases) {
    if (names.has(name)) throw new TypeError(`conformance: there are two cases '${name}'`)
    names.add(name)
  }
  for (const [name, reason] of Object.entries(deviations)) {
    if (!names.has(name)) throw new TypeError(`conformance: there is no case '${name}' to deviate from`)
    if (reason.trim() === '') throw new TypeError(`conformance: the deviation '${name}' needs a reason`)
  }
}

/** What came of one case. */
export interface ConformanceResult {
  readonly name: string
  /** `deviated`: failed, as declared. A declared deviation that passes has `failed`. */
  readonly outcome: 'passed' | 'deviated' | 'failed'
  /** Why the case failed. */
  readonly error?: unknown
  /** Why it may deviate, where that is declared. */
  readonly reason?: string
}

/** Runs the cases one after the other, and tells of each what came of it. Never rejects. Throws as {@link conformanceTests}. */
export async function runConformance<Harness>(
  cases: readonly ConformanceCase<Harness>[],
  harness: Harness,
  options: ConformanceOptions = {},
): Promise<readonly ConformanceResult[]> {
  const tests = conformanceTests(cases, harness, options)
  const results: ConformanceResult[] = []
  for (const [index, { run }] of tests.entries()) {
    const name = cases[index]?.name ?? ''
    const reason = Object.hasOwn(options.deviations ?? {}, name) ? options.deviations?.[name] : undefined
    const declared = reason === undefined ? {} : { reason }
    try {
      await run()
      results.push({ name, outcome: reason === undefined ? 'passed' : 'deviated', ...declared })
    } catch (error) {
      results.push({ name, outcome: 'failed', error, ...declared })
    }
  }
  return results
}
