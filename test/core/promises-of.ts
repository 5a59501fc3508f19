/** Counts promises: what a way of running things costs, in whole numbers. */
import { createHook } from 'node:async_hooks'

/** How many promises a piece of work makes, when it is done for the third time. */
export async function promisesOf(work: () => Promise<unknown>): Promise<number> {
  await work()
  await work()
  let count = 0
  const hook = createHook({
    init(_id, type) {
      if (type === 'PROMISE') count++
    },
  })
  hook.enable()
  await work()
  hook.disable()
  return count
}
