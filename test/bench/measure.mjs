// Runs inside a measured process: warms up, then takes CPU time per operation. CPU and not wall-clock time, because the
// machine has other things to do; of all threads, because garbage is collected and code compiled on others.

const warmUpMs = 300
const measuredMs = 300

/**
 * @param {(count: number) => Promise<void>} run - does `count` operations, and throws where a result is wrong
 * @returns {Promise<number>} CPU time of one operation, in ns
 */
export async function nsPerOperation(run) {
  const count = await warmUp(run)
  const before = process.cpuUsage()
  let done = 0
  let spentMs = 0
  while (spentMs < measuredMs) {
    await run(count)
    done += count
    spentMs = millis(process.cpuUsage(before))
  }
  return (spentMs * 1e6) / done
}

/**
 * What `run` costs more than `bare`: both by turns, so that what slows the machine slows both.
 * @param {(count: number) => Promise<void>} run - does `count` operations, and throws where a result is wrong
 * @param {(count: number) => Promise<void>} bare - the same without what is measured
 * @returns {Promise<number>} CPU time of one operation, in ns; at least 1, where the difference drowns
 */
export async function netNsPerOperation(run, bare) {
  const sides = [run, bare].map(each => ({ each, done: 0, spentMs: 0 }))
  for (const side of sides) side.count = await warmUp(side.each)
  // Once more by turns: what both run, the engine compiles anew when it has seen the second.
  for (const { each, count } of [...sides, ...sides]) await each(count)
  while (sides.some(({ spentMs }) => spentMs < measuredMs)) {
    for (const side of sides) {
      const before = process.cpuUsage()
      await side.each(side.count)
      side.done += side.count
      side.spentMs += millis(process.cpuUsage(before))
    }
  }
  const [ns, bareNs] = sides.map(({ done, spentMs }) => (spentMs * 1e6) / done)
  return Math.max(1, ns - bareNs)
}

// Grows the batch until one takes 20 ms: reading the clock then costs nothing, and the optimiser has seen the batch's loop.
async function warmUp(run) {
  const before = process.cpuUsage()
  let count = 16
  while (millis(process.cpuUsage(before)) < warmUpMs) {
    const batch = process.cpuUsage()
    await run(count)
    if (millis(process.cpuUsage(batch)) < 20) count *= 2
  }
  return count
}

function millis({ user, system }) {
  return (user + system) / 1000
}

/** Ends the process with its figures as the last line. */
export function report(figures) {
  process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0))
}
