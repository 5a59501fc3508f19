// The side of a measured server that talks with the harness: says where it listens, what it has used, and what it has done besides
// answering: lines in its file, calls in its metrics.
import { openSync, readFileSync } from 'node:fs'

/** How a server is started: where its log goes and its spans, and what is left out. */
const [log, collector, ...flags] = process.argv.slice(2)

/** The file of the log, opened. */
export const logFile = log
export const openLog = () => openSync(log, 'a')
/** Where spans are sent, as Zipkin takes them. */
export const spansUrl = `${collector}/api/v2/spans`
/** None of the stack at all. */
export const isBare = flags.includes('bare')
/** Whether verified tokens are remembered. */
export const isCached = !flags.includes('uncached')

/**
 * @param {number} port
 * @param {{ flush?: () => void | Promise<void> }} [options] - `flush` writes what there is of the log
 */
export function listening(port, { flush = () => {} } = {}) {
  process.on('message', async ({ ask }) => {
    if (ask === 'usage') process.send({ usage: process.cpuUsage(), at: Number(process.hrtime.bigint() / 1_000n) })
    else if (ask === 'proof') {
      await flush()
      process.send({
        lines: isBare ? 0 : linesOf(readFileSync(log, 'utf8')),
        counted: isBare ? 0 : await countedAt(port),
      })
    } else process.exit(0) // which writes the profile, if one is made
  })
  process.send({ port })
}

// Of one kind: those of orders that were placed.
function linesOf(text) {
  return text.split('\n').filter(line => line !== '' && JSON.parse(line).code === 'ok').length
}

async function countedAt(port) {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`)
  const page = await response.text()
  const counts = page.matchAll(/^\w*calls?_duration_seconds_count\{[^}]*code="ok"[^}]*\} (\d+)$/gm)
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
}
