/**
 * How the tests run: every `test/**\/*.test.ts`, in two or three processes, against the sources rather than the build.
 * `--mode deep` runs those of them that ask `test/deep.ts` how much to do, with TENON_DEEP=1: the others would only run again.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('.', import.meta.url))
const src = `${root}src/`

/** The test files that import `test/deep.ts`. */
function withCounts(): string[] {
  const own = readdirSync(`${root}test`).filter(name => !['bench', 'runtimes'].includes(name))
  const files = own.flatMap(folder =>
    folder.includes('.')
      ? []
      : readdirSync(`${root}test/${folder}`, { recursive: true, encoding: 'utf8' }).map(
          file => `test/${folder}/${file}`,
        ),
  )
  return files.filter(file => file.endsWith('.test.ts') && readFileSync(root + file, 'utf8').includes("/deep.js'"))
}

export default defineConfig(({ mode }) => {
  const isDeep = mode === 'deep' || process.env['TENON_DEEP'] === '1'
  return {
    resolve: {
      alias: [
        { find: /^tenon$/, replacement: `${src}index.ts` },
        { find: /^tenon\/(.+)$/, replacement: `${src}$1/index.ts` },
      ],
    },
    test: {
      include: isDeep ? withCounts() : ['test/**/*.test.ts'],
      exclude: ['**/node_modules/**', 'test/bench/**'],
      setupFiles: ['test/seed.ts'],
      env: { TENON_DEEP: isDeep ? '1' : '0' },
      pool: 'forks',
      maxWorkers: isDeep ? 2 : 3, // on two cores: the ordinary run waits for servers as long as it computes
      testTimeout: isDeep ? 300_000 : 30_000, // a machine may be busy: no test is about how fast something is
      hookTimeout: 60_000,
      restoreMocks: true,
      unstubEnvs: true,
      reporters: [['default', { summary: false }], './test/reporter.ts'],
    },
  }
})
