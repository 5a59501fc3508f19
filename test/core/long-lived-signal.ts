/** Run by scope.test.ts in a process of its own: many calls on one signal and one context, then what is left of them. */
import { getEventListeners } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import {
  around,
  call,
  chain,
  type Endpoint,
  extend,
  failed,
  fromPromise,
  intercept,
  testContext,
} from '../../src/core/index.js'

const count = Number(process.argv[2])
const { signal } = new AbortController()
const context = testContext({ signal, onDefect: () => {} })
const stack = chain(
  around<number>({ name: 'slot', enter: c => ({ context: extend(c, { by: 1 }), state: 1 }), exit: () => {} }),
  intercept({ name: 'through', run: (next, request, inner) => next(request, inner) }),
  around({ name: 'late', enter: async () => ({}), exit: () => {} }),
)
const child = fromPromise(async (n: number) => (n % 3 === 0 ? failed('not_found', 'NONE', 'none') : n))

const businesses: readonly Endpoint<number, unknown>[] = [
  fromPromise((n: number) => n),
  fromPromise(async (n: number, inner) => inner.signal.aborted || n),
  fromPromise(async (n: number) => (n % 2 === 0 ? failed('not_found', 'NONE', 'none') : Promise.reject(n))),
  fromPromise((n: number, inner) => call(child, n, { context: inner, signal })),
  fromPromise(async function* (n: number) {
    yield n
    yield n + 1
  }),
]

async function one(n: number): Promise<void> {
  const business = businesses[n % businesses.length] as Endpoint<number, unknown>
  // Each has a deadline of its own, as those of an hour have that nobody else's timer fires before.
  const outcome = await call(stack(business), n, { context, signal, deadlineMs: 1e7 + n * 10 })
  const response = outcome._tag === 'Right' ? outcome.right : undefined
  if (typeof response !== 'object' || response === null || !(Symbol.asyncIterator in response)) return
  for await (const _ of response as AsyncIterable<number>) if (n % 2 === 0) break
}

let made = 0

async function heapAfter(calls: number): Promise<number> {
  for (const until = made + calls; made < until; made += 2) await Promise.all([one(made), one(made + 1)])
  for (let i = 0; i < 3; i++) {
    await setImmediate()
    globalThis.gc?.()
  }
  return process.memoryUsage().heapUsed
}

const resourcesBefore = process.getActiveResourcesInfo()
await heapAfter(count / 10)
const half = await heapAfter(count / 2)
const whole = await heapAfter(count / 2)
const told = {
  listeners: getEventListeners(signal, 'abort').length,
  grownBytes: whole - half,
  resourcesBefore,
  resourcesAfter: process.getActiveResourcesInfo(),
}
process.stdout.write(JSON.stringify(told))
