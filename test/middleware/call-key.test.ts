/** What is kept for a key is given to whoever has that key: a key that is none must not be everybody's. */
import { describe, expect, test, vi } from 'vitest'
import { call, fromPromise, isLeft, type Middleware, testContext } from '../../src/core/index.js'
import { cache, collapse, idempotencyKey, singleFlight } from '../../src/middleware/index.js'
import { memoryStore } from '../../src/store/index.js'

const method = { service: 'shop.v1.Accounts', name: 'balance', idempotency: 'safe' } as const
// What plain JavaScript may give where the types ask for a string.
const wrong: readonly (readonly [what: string, give: () => unknown])[] = [
  ['null', () => null],
  ['a number', () => 7],
  ['an object', () => ({ id: 1 })],
  ['a promise', async () => 'ada'],
  ['a promise that rejects', () => Promise.reject(new Error('no session'))],
]
const undefinedToo = [...wrong, ['undefined', () => undefined]] as const
const store = memoryStore()

/** The defect of each call, of two callers at once: neither gets the other's answer, since the work never runs. */
async function twoCallers(policy: Middleware): Promise<readonly unknown[]> {
  const defects: unknown[] = []
  const balance = policy(fromPromise(async (_: object) => 'of one caller', method))
  const context = testContext({ onDefect: thrown => defects.push(String(thrown)) })
  const answers = await Promise.all([call(balance, {}, { context }), call(balance, {}, { context })])
  expect(answers.map(answer => isLeft(answer) && answer.left.reason)).toEqual(['DEFECT', 'DEFECT'])
  return defects
}

describe.each<
  [name: string, make: (give: () => never) => Middleware, given: readonly (readonly [string, () => unknown])[]]
>([
  ['cache: key', key => cache({ key, ttlMs: 1_000 }), wrong],
  ['singleFlight: key', key => singleFlight({ key }), wrong],
  [
    'collapse: key',
    key => collapse({ key, toBatch: () => ({}), fromBatch: () => [] }) as unknown as Middleware,
    undefinedToo,
  ],
  ['idempotencyKey: key', key => idempotencyKey({ key, principal: 'none', store }), wrong],
  ['idempotencyKey: principal', principal => idempotencyKey({ key: () => 'k', principal, store }), undefinedToo],
  [
    'idempotencyKey: fingerprint',
    fingerprint => idempotencyKey({ key: () => 'k', principal: 'none', store, fingerprint }),
    undefinedToo.filter(([what]) => !what.startsWith('a promise')), // it may be async
  ],
])('%s', (name, make, given) => {
  test.each(given)('that gives %s is a defect of each call', async (_, give) => {
    const rejected = vi.fn()
    process.on('unhandledRejection', rejected)
    try {
      const expected = expect.stringContaining(`TypeError: ${name} must give a string`)
      expect(await twoCallers(make(give as () => never))).toEqual([expected, expected])
      await new Promise(setImmediate)
      expect(rejected).not.toHaveBeenCalled()
    } finally {
      process.off('unhandledRejection', rejected)
    }
  })
})
