/**
 * How the tests run: every `test/**\/*.test.ts`, in a few processes, against the sources rather than the build.
 * Loading modules costs more than most tests do, so a process that has loaded them goes on with the next file. Alone in their
 * process are those files that change it for good, or that look at processes, and `isAlone` says which.
 * `--mode deep` runs those of them that ask `test/deep.ts` how much to do, with TENON_DEEP=1: the others would only run again.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('.', import.meta.url))
const src = `${root}src/`

/** What `--exclude` says, which vitest does not hand on to projects. */
const { exclude: excluded = [] } = parseArgs({
  strict: false,
  options: { exclude: { type: 'string', multiple: true } },
}).values

/** The test files, with what is in them; `bench` has none of ours, but packages of others that have some. */
function testFiles(): readonly { readonly path: string; readonly text: string }[] {
  const own = readdirSync(`${root}test`).filter(name => name !== 'bench')
  const paths = own.flatMap(name =>
    name.includes('.')
      ? [name]
      : readdirSync(`${root}test/${name}`, { recursive: true, encoding: 'utf8' }).map(path => `${name}/${path}`),
  )
  return paths
    .filter(path => path.endsWith('.test.ts') && !path.includes('node_modules'))
    .map(path => ({ path: `test/${path}`, text: readFileSync(`${root}test/${path}`, 'utf8') }))
}

/** What a file says that changes its process for all who come later (mocks and fake timers do), or measures it, with what others left there. */
const changesOrMeasures =
  /vi\.mock\(|useFakeTimers|In a process of its own|process\.(memoryUsage|cpuUsage|getActiveResourcesInfo)|_getActiveHandles|\/(cpu|heap)\.js'/

function isAlone({ text }: { readonly text: string }): boolean {
  return changesOrMeasures.test(text)
}

export default defineConfig(({ mode }) => {
  const isDeep = mode === 'deep' || process.env['TENON_DEEP'] === '1'
  if (isDeep) process.env['TENON_DEEP'] = '1' // this is asked again for each project, without the mode
  const files = testFiles()
  const alone = files.filter(isAlone).map(({ path }) => path)
  const wanted = isDeep ? files.filter(({ text }) => text.includes("/deep.js'")).map(({ path }) => path) : undefined
  const exclude = ['**/node_modules/**', 'test/bench/**', ...excluded.filter(each => typeof each === 'string')]
  return {
    resolve: {
      alias: [
        { find: /^tenon$/, replacement: `${src}index.ts` },
        { find: /^tenon\/(.+)$/, replacement: `${src}$1/index.ts` },
      ],
    },
    test: {
      setupFiles: ['test/seed.ts'],
      env: { TENON_DEEP: isDeep ? '1' : '0' },
      pool: 'forks',
      maxWorkers: isDeep ? 2 : 3, // on two cores: the ordinary run waits for servers as long as it computes
      testTimeout: isDeep ? 300_000 : 30_000, // a machine may be busy: no test is about how fast something is
      hookTimeout: 180_000,
      expect: { poll: { timeout: 20_000 } }, // a second where nothing is said
      restoreMocks: true,
      unstubEnvs: true,
      unstubGlobals: true,
      reporters: [['default', { summary: false }], './test/reporter.ts'],
      projects: [
        {
          extends: true,
          test: { name: 'alone', include: wanted?.filter(path => alone.includes(path)) ?? alone, exclude },
        },
        {
          extends: true,
          test: {
            name: 'together',
            include: wanted ?? ['test/**/*.test.ts'],
            exclude: [...exclude, ...alone],
            isolate: false,
          },
        },
      ],
    },
  }
})
