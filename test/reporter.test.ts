/** The last line of a test run is what CI believes, so each way to fail has to show up in it. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { root } from './repo/sources.js'

let folder = ''
beforeEach(() => {
  // Inside the repository, so that vitest is found from there.
  mkdirSync(join(root, '.tmp'), { recursive: true })
  folder = mkdtempSync(join(root, '.tmp/reporter-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Run {
  readonly exitCode: number
  readonly lines: readonly string[]
}

function run(files: Readonly<Record<string, string>>): Promise<Run> {
  const settings = { include: ['*.test.ts'], reporters: [join(root, 'test/reporter.ts')] }
  writeFileSync(join(folder, 'vitest.config.ts'), `export default { test: ${JSON.stringify(settings)} }`)
  for (const [name, body] of Object.entries(files)) {
    writeFileSync(join(folder, name), `import { afterAll, beforeAll, describe, expect, test } from 'vitest'\n${body}`)
  }
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  return new Promise(resolve => {
    const child = execFile(process.execPath, [vitest, 'run', '--root', folder], (_, stdout) => {
      resolve({ exitCode: child.exitCode ?? -1, lines: stdout.trimEnd().split('\n') })
    })
  })
}

test('a run ends with a line of its own that counts passed, failed and skipped, and names the reasons for skips', async () => {
  const body = `
    test('a', () => {})
    test('b', ({ skip }) => skip('etcd is not installed'))
    test('c', () => { throw new Error('c') })
    test.skip('d', () => {})`
  const { exitCode, lines } = await run({ 'a.test.ts': body })
  expect(exitCode).toBe(1)
  expect(lines).toContain('  a.test.ts > b: etcd is not installed')
  expect(lines).toContain('  a.test.ts > d: no reason given')
  expect(lines.at(-1)).toBe('1 passed, 1 failed, 2 skipped')
}, 30_000)

test('a run in which all is well says so in the form that CI adds up', async () => {
  const { exitCode, lines } = await run({ 'a.test.ts': `test('a', () => {})` })
  expect([exitCode, lines.at(-1)]).toEqual([0, '1 passed, 0 failed'])
}, 30_000)

// In one run, so that each has to be counted, and none twice.
test('each way to fail counts: a file, a suite, clearing up and a lost rejection', async () => {
  const { exitCode, lines } = await run({
    'not-loading.test.ts': `import './nowhere.js'`,
    'preparing.test.ts': `describe('s', () => { beforeAll(() => { throw 1 }); test('a', () => {}) })`,
    'clearing-up.test.ts': `test('a', () => {}); afterAll(() => { throw 1 })`,
    'lost.test.ts': `test('a', () => { void Promise.reject(new Error('lost')) })`,
  })
  expect(exitCode).toBe(1)
  expect(lines.at(-1)).toBe('2 passed, 4 failed, 1 skipped')
}, 30_000)
