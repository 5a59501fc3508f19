// Starts a script a few times and takes the mean, by two clocks in turn: wall-clock time around the process, and the CPU
// time (user and system, all threads) that the shell is told when a process has ended.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { report } from '../measure.mjs'

const script = fileURLToPath(new URL(`../${process.argv[2]}`, import.meta.url))
const runs = 4
const env = { PATH: process.env.PATH, NODE_ENV: 'production' }

function wallMs() {
  const before = process.hrtime.bigint()
  const { status } = spawnSync(process.execPath, [script], { env, stdio: 'ignore' })
  if (status !== 0) throw new Error(`${script} ended with ${status}`)
  return Number(process.hrtime.bigint() - before) / 1e6
}

// The shell counts whole ms, of all runs together.
function cpuMsOfAll() {
  const loop = `set -e; TIMEFORMAT='%3U %3S'; time for i in {1..${runs}}; do "$0" "$1"; done`
  const { status, stderr } = spawnSync('bash', ['-c', loop, process.execPath, script], { env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${script} ended with ${status}: ${stderr}`)
  const [user, system] = stderr.trim().split('\n').at(-1).split(' ').map(Number)
  return (user + system) * 1000
}

wallMs() // the files are in the cache of the system from here on
let wall = 0
for (let i = 0; i < runs; i++) wall += wallMs()
report({ CPU: cpuMsOfAll() / runs, 'wall clock': wall / runs })
