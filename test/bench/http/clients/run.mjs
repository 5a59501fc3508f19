// Calls a server, 64 calls at a time over as many connections, and compares each answer with what it must be. What it uses is
// reported as by servers.
import { isDeepStrictEqual } from 'node:util'
import { requests } from '../work.mjs'

export const connections = 64

/**
 * @param {string} route - `post` or `get`
 * @param {(input: object) => Promise<object>} call
 */
export function calling(route, call) {
  const all = requests[route]
  let asked = 0
  async function worker(count) {
    for (let i = 0; i < count; i++) {
      const { input, output } = all[asked++ & 1023]
      const answer = await call(input)
      if (!isRight(answer, output)) throw new Error(`to ${JSON.stringify(input)} came ${JSON.stringify(answer)}`)
    }
  }
  const run = count => Promise.all(Array.from({ length: connections }, () => worker(Math.ceil(count / connections))))
  process.on('message', async ({ count }) => {
    const before = process.cpuUsage()
    await run(count)
    process.send({ usage: process.cpuUsage(before) })
  })
  process.send({ ready: true })
}

// One field by itself is enough on the way; all of them now and then.
let checks = 0
function isRight(answer, output) {
  if ((checks++ & 255) === 0) return isDeepStrictEqual(answer, output)
  return answer.v === output.v && answer.id === output.id && answer.email === output.email
}
