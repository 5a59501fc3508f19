// Reads a stream to its end, at a pace if there is one, and compares each item with what it must be.
import { setTimeout as wait } from 'node:timers/promises'

/**
 * @param {AsyncIterable<object>} items
 * @param {{ count: number, size: number, perSecond?: number }} told
 * @param {(item: object) => object} [validated] - for who does not validate by itself
 */
export async function read(items, { count, size, perSecond = 0 }, validated = item => item) {
  const began = performance.now()
  let read = 0
  for await (const given of items) {
    const { n, text } = validated(given)
    if (n !== read || text.length !== size) throw new Error(`item ${read} is ${n}, of ${text.length} characters`)
    read++
    if (perSecond === 0) continue
    const earlyMs = (read / perSecond) * 1000 - (performance.now() - began)
    if (earlyMs >= 5) await wait(earlyMs)
  }
  if (read !== count) throw new Error(`there were ${read} items instead of ${count}`)
}
