// Calls a server, so many calls at a time, and compares each answer with what it must be.
import { requests } from '../../http/work.mjs'

/** @param {(input: object) => Promise<object>} call */
export function calling(width, call) {
  let asked = 0
  async function worker(count) {
    for (let i = 0; i < count; i++) {
      const { input, output } = requests.post[asked++ & 1023]
      const answer = await call(input)
      if (answer.v !== output.v) throw new Error(`to ${JSON.stringify(input)} came ${JSON.stringify(answer)}`)
    }
  }
  const run = count => Promise.all(Array.from({ length: width }, () => worker(Math.ceil(count / width))))
  process.on('message', async ({ count }) => {
    const before = process.cpuUsage()
    await run(count)
    process.send({ usage: process.cpuUsage(before) })
  })
  process.send({ ready: true })
}
