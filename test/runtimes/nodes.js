// Runs the tests under the other versions of Node that are supported: those that depend on Node, not those of the repository,
// of other runtimes and of programs that are no part of it. Arguments: more for vitest.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const vitest = fileURLToPath(new URL('node_modules/vitest/vitest.mjs', new URL('../../', import.meta.url)))
const elsewhere = ['test/repo', 'test/runtimes', 'test/integration', 'test/types', 'test/bench']

for (const version of ['22', '24']) {
  const folder = `node_modules/node-${version}-${process.platform}-${process.arch}/bin/node`
  const node = fileURLToPath(new URL(folder, import.meta.url))
  if (!existsSync(node)) {
    console.error(`Node ${version} is not installed for this machine: npm run runtimes`)
    process.exitCode = 1
    continue
  }
  const excluded = elsewhere.flatMap(name => ['--exclude', `${name}/**`])
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` } // for npm, too
  console.log(`\n== Node ${version}`)
  const { status } = spawnSync(node, [vitest, 'run', ...excluded, ...process.argv.slice(2)], {
    cwd: root,
    env,
    stdio: 'inherit',
  })
  if (status !== 0) process.exitCode = 1
}
