// The sides of a measurement as the harness talks with them: each says that it is there, and then what it has used.

/**
 * A server. Asked, it says what it has used so far, and the most memory that it ever had.
 * @param {number | string} at - where it can be called
 */
export function serving(at) {
  process.on('message', () => process.send({ usage: process.cpuUsage(), peakKiB: process.resourceUsage().maxRSS }))
  process.send({ at })
}

/**
 * A client. Told to, it says what that has used, how long it took, and the most memory that it ever had.
 * @param {(told: object) => Promise<void>} run
 */
export function calling(run) {
  process.on('message', async told => {
    const [before, began] = [process.cpuUsage(), performance.now()]
    await run(told)
    const seconds = (performance.now() - began) / 1000
    process.send({ usage: process.cpuUsage(before), seconds, peakKiB: process.resourceUsage().maxRSS })
  })
  process.send({ ready: true })
}
