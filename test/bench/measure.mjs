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
