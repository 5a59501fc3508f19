/** A store as one over a network is: it answers later, and now and then not at all, whether or not it has done what it was asked. */
import type { ManualClock, Random } from '../../src/core/index.js'
import { memoryStore, type Store } from '../../src/store/index.js'
import { storeUnavailable } from '../../src/store/unavailable.js'

export interface SlowStoreOptions {
  readonly clock: ManualClock
  readonly random: Random
  /** How long each operation takes, in ms; 0: it is answered at once. */
  readonly delayMs: number
  /** The share of operations that fail. */
  readonly failing: number
}

export function slowStore({ clock, random, delayMs, failing }: SlowStoreOptions): Store {
  const store = memoryStore({ clock })
  const asked = async <T>(operation: () => Promise<T>): Promise<T> => {
    const fails = random.next() < failing
    if (fails && random.next() < 0.5) throw storeUnavailable('not done')
    const result = await operation()
    if (delayMs > 0) await new Promise<void>(resolve => void clock.setTimer(resolve, delayMs))
    if (fails) throw storeUnavailable('done, but who knows')
    return result
  }
  return {
    get: key => asked(() => store.get(key)),
    set: (key, value, ttlMs) => asked(() => store.set(key, value, ttlMs)),
    delete: key => asked(() => store.delete(key)),
    compareAndSet: (key, change) => asked(() => store.compareAndSet(key, change)),
    take: (key, limit) => asked(() => store.take(key, limit)),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  }
}
