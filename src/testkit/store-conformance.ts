// What every store has to do, whatever it stores in. Times are so far apart that a real server on a busy machine keeps to them.
import { CallError, isFailure } from '../core/index.js'
import type { Store } from '../store/index.js'
import * as assert from './assert.js'
import type { ConformanceCase } from './conformance.js'

/** Opens stores for the suite. */
export interface StoreHarness {
  /** A store with nothing in it. */
  open(): Promise<Store>
  /** Lets this much time pass for the store, in ms: its clock's, or everybody's. */
  pass(ms: number): Promise<void>
}

/** A case of the suite for stores. */
export type StoreCase = ConformanceCase<StoreHarness>

const minute = 60_000

function storeCase(name: string, run: (store: Store, harness: StoreHarness) => Promise<void>): StoreCase {
  return {
    name,
    async run(harness) {
      const store = await harness.open()
      try {
        await run(store, harness)
      } finally {
        await store.close()
      }
    },
  }
}

const texts = ['', 'plain', '{"json":[1,null]}', 'grüße 🍵 \u0000\r\n', 'undefined', '0', 'x'.repeat(100_000)]
const ten = { limit: 10, windowMs: minute, burst: 10 }

/** The suite for implementations of `Store`: run with `conformanceTests`. */
export const storeConformance: readonly StoreCase[] = [
  storeCase('values: what was never put there is not there', async store => {
    assert.equal(await store.get('nothing'), undefined)
    await store.delete('nothing')
  }),
  storeCase('values: any text comes back as it was', async store => {
    for (const [i, text] of texts.entries()) await store.set(`text ${i}`, text, minute)
    for (const [i, text] of texts.entries()) assert.equal(await store.get(`text ${i}`), text)
  }),
  storeCase('values: keys are any text, and apart', async store => {
    for (const [i, key] of texts.entries()) await store.set(key, String(i), minute)
    for (const [i, key] of texts.entries()) assert.equal(await store.get(key), String(i))
  }),
  storeCase('values: a later one takes the place and the time of an earlier one', async (store, { pass }) => {
    await store.set('a', 'first', 300)
    await store.set('a', 'second', minute)
    await pass(400)
    assert.equal(await store.get('a'), 'second')
    await store.delete('a')
    assert.equal(await store.get('a'), undefined)
  }),
  storeCase('values: are gone after their time', async (store, { pass }) => {
    await store.set('a', 'text', 1_500)
    assert.equal(await store.get('a'), 'text')
    await pass(1_700)
    assert.equal(await store.get('a'), undefined)
  }),
  storeCase('compareAndSet: puts a value only where there is none', async store => {
    assert.equal(await store.compareAndSet('a', { from: undefined, to: '', ttlMs: minute }), true)
    assert.equal(await store.compareAndSet('a', { from: undefined, to: 'b', ttlMs: minute }), false)
    assert.equal(await store.get('a'), '')
  }),
  storeCase('compareAndSet: changes a value only where it is the expected one', async store => {
    for (const from of texts) {
      await store.set('a', from, minute)
      assert.equal(await store.compareAndSet('a', { from: `${from}!`, to: 'b', ttlMs: minute }), false)
      assert.equal(await store.get('a'), from)
      assert.equal(await store.compareAndSet('a', { from, to: `${from}!`, ttlMs: minute }), true)
      assert.equal(await store.get('a'), `${from}!`)
    }
    assert.equal(await store.compareAndSet('nothing', { from: 'a', to: 'b', ttlMs: minute }), false)
    assert.equal(await store.get('nothing'), undefined)
  }),
  storeCase('compareAndSet: removes a value', async store => {
    await store.set('a', 'text', minute)
    assert.equal(await store.compareAndSet('a', { from: 'other', to: undefined, ttlMs: minute }), false)
    assert.equal(await store.compareAndSet('a', { from: 'text', to: undefined, ttlMs: minute }), true)
    assert.equal(await store.get('a'), undefined)
    assert.equal(await store.compareAndSet('a', { from: undefined, to: undefined, ttlMs: minute }), true)
  }),
  storeCase('compareAndSet: renews the time of a value, and sees none whose time is over', async (store, { pass }) => {
    await store.set('a', 'text', 1_500)
    assert.equal(await store.compareAndSet('a', { from: 'text', to: 'text', ttlMs: 4_000 }), true)
    await pass(1_700)
    assert.equal(await store.get('a'), 'text')
    await pass(2_600)
    assert.equal(await store.compareAndSet('a', { from: 'text', to: 'b', ttlMs: minute }), false)
    assert.equal(await store.compareAndSet('a', { from: undefined, to: 'b', ttlMs: minute }), true)
  }),
  storeCase('compareAndSet: of many at once, one is first', async store => {
    const names = Array.from({ length: 20 }, (_, i) => `name ${i}`)
    const won = await Promise.all(names.map(to => store.compareAndSet('a', { from: undefined, to, ttlMs: minute })))
    assert.equal(won.filter(each => each).length, 1)
    assert.equal(await store.get('a'), names[won.indexOf(true)])
  }),
  storeCase('take: allows a burst and no more, and says what is left', async store => {
    for (let remaining = 9; remaining >= 0; remaining--) {
      const taken = await store.take('a', ten)
      assert.deepEqual([taken.allowed, taken.remaining, taken.retryAfterMs], [true, remaining, 0])
      assert.ok(taken.resetMs > 0 && taken.resetMs <= minute, 'the burst is there again within the window')
    }
    const refused = await store.take('a', ten)
    assert.deepEqual([refused.allowed, refused.remaining], [false, 0])
    assert.ok(refused.retryAfterMs > 0 && refused.retryAfterMs <= 6_000, 'the next one comes within its interval')
  }),
  storeCase('take: whoever waits as long as it was told is allowed', async (store, { pass }) => {
    const limit = { limit: 1, windowMs: 2_000, burst: 2 }
    await store.take('a', limit)
    await store.take('a', limit)
    const { allowed, retryAfterMs } = await store.take('a', limit)
    assert.equal(allowed, false)
    await pass(retryAfterMs)
    assert.equal((await store.take('a', limit)).allowed, true)
  }),
  storeCase('take: of many at once allows as many as one after the other', async store => {
    const taken = await Promise.all(Array.from({ length: 50 }, () => store.take('a', ten)))
    assert.equal(taken.filter(({ allowed }) => allowed).length, 10)
  }),
  storeCase('take: keys are apart from each other and from values', async store => {
    await store.set('a', 'text', minute)
    const one = { limit: 1, windowMs: minute, burst: 1 }
    for (const key of texts) assert.equal((await store.take(key, one)).allowed, true)
    for (const key of texts) assert.equal((await store.take(key, one)).allowed, false)
    assert.equal((await store.take('a', one)).allowed, true)
    assert.equal(await store.get('a'), 'text')
  }),
  storeCase('take: a limit that changed holds from the next one on', async (store, { pass }) => {
    for (let i = 0; i < 10; i++) await store.take('a', ten)
    const faster = { limit: 120, windowMs: minute, burst: 1 }
    const { allowed, retryAfterMs } = await store.take('a', faster)
    assert.equal(allowed, false)
    assert.ok(retryAfterMs <= 500, 'never further off than an empty burst')
    await pass(retryAfterMs)
    assert.equal((await store.take('a', faster)).allowed, true)
  }),
  storeCase('close: nothing works afterwards, and says so', async store => {
    await store.close()
    for (const operation of [
      () => store.get('a'),
      () => store.set('a', 'b', minute),
      () => store.delete('a'),
      () => store.compareAndSet('a', { from: undefined, to: 'b', ttlMs: minute }),
      () => store.take('a', ten),
    ]) {
      const thrown: unknown = await operation().then(
        () => undefined,
        (error: unknown) => error,
      )
      assert.ok(thrown instanceof CallError && isFailure(thrown.failure), 'it rejects with a failure')
      assert.equal(thrown.failure.reason, 'STORE_UNAVAILABLE')
    }
  }),
]
