// Limits that one process keeps by itself, in bounded memory.
import { Gcra } from '../store/gcra.js'
import type { Limit, Meter, Taken } from '../store/limit.js'
import { Recent } from '../store/recent.js'
import { TokenBucket } from './token-bucket.js'

/** How a limit is kept. */
export type LimitAlgorithm = 'gcra' | 'token-bucket'

/** A limit for each key, and one for calls that have none. */
export class LocalLimits {
  readonly #make: () => Meter
  readonly #onEvicted: (key: string) => void
  readonly #byKey: Recent<Meter> = new Recent()
  readonly #common: Meter

  /** @param onEvicted - told of each key that was forgotten although it had calls to its account */
  constructor(algorithm: LimitAlgorithm, onEvicted: (key: string) => void) {
    this.#make = algorithm === 'gcra' ? () => new Gcra() : () => new TokenBucket()
    this.#onEvicted = onEvicted
    this.#common = this.#make()
  }

  get keys(): number {
    return this.#byKey.size
  }

  take(key: string | undefined, { limit, maxKeys, now }: { limit: Limit; maxKeys: number; now: number }): Taken {
    if (key === undefined) return this.#common.take(limit, now)
    let meter = this.#byKey.get(key)
    if (meter === undefined) {
      meter = this.#make()
      this.#byKey.set(key, meter, maxKeys, (evicted, forgotten) => {
        if (!forgotten.isFull(limit, now)) this.#onEvicted(evicted)
      })
    }
    return meter.take(limit, now)
  }
}
