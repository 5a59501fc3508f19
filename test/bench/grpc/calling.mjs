// Calls a server, so many at a time, and compares each answer with what it must be. Says what it has used, and how long it took.
import { inputs, uppercase } from './work.mjs'

/**
 * @param {number} inFlight - how many calls go on at once
 * @param {(input: object) => Promise<object>} call
 */
export function calling(inFlight, call) {
  let asked = 0
  async function worker(count) {
    for (let i = 0; i < count; i++) {
      const input = inputs[asked++ & 1023]
      const { v } = await call(input)
      if (v !== uppercase(input).v) throw new Error(`to ${JSON.stringify(input)} came ${JSON.stringify(v)}`)
    }
  }
  process.on('message', async ({ count }) => {
    const [before, began] = [process.cpuUsage(), performance.now()]
    await Promise.all(Array.from({ length: inFlight }, () => worker(Math.ceil(count / inFlight))))
    process.send({ usage: process.cpuUsage(before), seconds: (performance.now() - began) / 1000 })
  })
  process.send({ ready: true })
}
