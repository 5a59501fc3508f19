/** What the suite promises to those who run it: deviations that are declared, reasoned and checked. */
import { type ConformanceCase, conformanceTests, runConformance } from 'tenon/testkit'
import { expect, test } from 'vitest'

const cases: readonly ConformanceCase<{ readonly broken: boolean }>[] = [
  { name: 'a: holds', run: async () => {} },
  {
    name: 'b: holds unless broken',
    run: async ({ broken }) => {
      if (broken) throw new Error('broken')
    },
  },
]
const deviations = { 'b: holds unless broken': 'it is broken' }

test('a case that fails has failed, and the others run all the same', async () => {
  const results = await runConformance([...cases].reverse(), { broken: true })
  expect(results).toEqual([
    { name: 'b: holds unless broken', outcome: 'failed', error: new Error('broken') },
    { name: 'a: holds', outcome: 'passed' },
  ])
})

test('a declared deviation is told with its reason', async () => {
  const results = await runConformance(cases, { broken: true }, { deviations })
  expect(results[1]).toEqual({ name: 'b: holds unless broken', outcome: 'deviated', reason: 'it is broken' })
  const [, deviating] = conformanceTests(cases, { broken: true }, { deviations })
  expect(deviating?.name).toBe('b: holds unless broken (deviates: it is broken)')
  await deviating?.run()
})

test('a declared deviation that passes is a failure', async () => {
  const [, deviating] = conformanceTests(cases, { broken: false }, { deviations })
  await expect(deviating?.run()).rejects.toThrow(/declared as a deviation, but passes/)
  const [, result] = await runConformance(cases, { broken: false }, { deviations })
  expect(result?.outcome).toBe('failed')
})

test.each([
  [{ deviations: { 'c: nothing': 'x' } }, /there is no case 'c: nothing'/],
  [{ deviations: { 'a: holds': ' ' } }, /'a: holds' needs a reason/],
])('declarations must make sense: %o', (options, message) => {
  expect(() => conformanceTests(cases, { broken: false }, options)).toThrow(message)
})

test('two cases of one name are refused', () => {
  expect(() => conformanceTests([...cases, ...cases], { broken: false })).toThrow(/two cases 'a: holds'/)
})
