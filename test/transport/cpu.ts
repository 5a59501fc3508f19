// CPU time of a function, for tests that compare a short input with a longer one. Unlike the time on a wall clock it hardly depends
// on what else the machine does.

/** The milliseconds of CPU that the fastest of five runs took. */
export function cpuMs(run: () => unknown): number {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 5; round++) {
    const before = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1000)
  }
  return least
}
