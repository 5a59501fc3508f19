/**
 * How the tests run: every `test/**\/*.test.ts`, in two processes, against the sources rather than the build.
 * `--mode deep` runs the same tests with TENON_DEEP=1, which `test/deep.ts` reads.
 */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const src = fileURLToPath(new URL('src/', import.meta.url))

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
      include: ['test/**/*.test.ts'],
      exclude: ['**/node_modules/**', 'test/bench/**'],
      env: { TENON_DEEP: isDeep ? '1' : '0' },
      pool: 'forks',
      maxWorkers: 2,
      testTimeout: isDeep ? 120_000 : 10_000,
      hookTimeout: 60_000,
      restoreMocks: true,
      unstubEnvs: true,
      reporters: [['default', { summary: false }], './test/reporter.ts'],
    },
  }
})
