// Cases that ran somewhere else, as tests here: one for each, passing and failing as it did there.
import { type ConformanceCase, type ConformanceOptions, conformanceTests } from 'tenon/testkit'
import { test } from 'vitest'
import type { Told } from './inside/program.js'

/** Registers a test for each case, by what `told` says came of it. What was told is asked for once. */
export function remoteTests(
  cases: readonly { readonly name: string }[],
  ask: () => Promise<readonly Told[]>,
  options: ConformanceOptions & { readonly timeoutMs?: number } = {},
): void {
  const { timeoutMs = 120_000, ...deviating } = options
  let asked: Promise<readonly Told[]> | undefined
  const remote = cases.map(
    ({ name }): ConformanceCase<undefined> => ({
      name,
      async run() {
        asked ??= ask()
        const told = (await asked).find(each => each.name === name)
        if (told === undefined) throw new Error('the case was not run there')
        if (told.error !== undefined) throw new Error(told.error)
      },
    }),
  )
  for (const { name, run } of conformanceTests(remote, undefined, deviating)) test(name, { timeout: timeoutMs }, run)
}
