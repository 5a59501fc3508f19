/**
 * Ends a test run with one line that people and CI read alike: `N passed, N failed` (and `, N skipped` if any were).
 * Skipped tests are listed with their reasons, because a skip that nobody sees is a test that nobody has.
 */
import type { Reporter, SerializedError, TestCase, TestModule, TestSuite } from 'vitest/node'

/** Counts tests; a file or a suite that broke outside its tests, and an error that nobody caught, count as one failure each. */
export default class CountingReporter implements Reporter {
  #filtered = false

  onInit(vitest: { readonly config: { readonly testNamePattern?: RegExp | undefined } }): void {
    this.#filtered = vitest.config.testNamePattern !== undefined
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    let passed = 0
    let failed = unhandledErrors.length
    const skipped: TestCase[] = []
    for (const module of modules) {
      failed += brokenOutsideTests(module)
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed += 1
        else if (state === 'failed') failed += 1
        else if (state === 'skipped') skipped.push(test)
        else failed += 1 // still pending when the run ended: its worker died
      }
    }
    const lines: string[] = []
    // With `-t pattern` everything else is "skipped"; listing it would hide what was asked for.
    if (skipped.length > 0 && !this.#filtered) {
      lines.push('', `SKIPPED (${skipped.length}):`, ...skipped.map(describeSkip), '')
    }
    lines.push(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`, '')
    // Written when the process exits, so that nothing that vitest prints while it closes can follow it.
    process.once('exit', () => process.stdout.write(lines.join('\n')))
  }
}

function brokenOutsideTests(module: TestModule): number {
  const broken = (entity: TestModule | TestSuite): number => (entity.errors().length > 0 ? 1 : 0)
  let count = broken(module)
  for (const suite of module.children.allSuites()) count += broken(suite)
  return count
}

function describeSkip(test: TestCase): string {
  const result = test.result()
  const reason = (result.state === 'skipped' && result.note) || 'no reason given'
  return `  ${test.module.relativeModuleId} > ${test.fullName}: ${reason}`
}
