/** What a process holds, once all that nobody needs has been collected. Files that import this run alone in their process. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
/** Collects garbage, all of it. */
export const collect: () => void = runInNewContext('gc')

/** MiB on the heap. */
export async function heapMiB(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise(setImmediate)
    collect()
  }
  return process.memoryUsage().heapUsed / 2 ** 20
}
