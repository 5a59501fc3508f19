/**
 * What `import 'tenon'` loads. Its time grows with nothing else: `npm run bench -- import` measures that, on a quiet machine;
 * here it is counted, so that a change that would make starting slower is seen where it is made.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from '../repo/sources.js'

const dist = mkdtempSync(join(tmpdir(), 'tenon-dist-'))
const main = join(dist, 'index.js')

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'test/build.js'), dist, '--no-declarations'], { stdio: 'pipe' })
})

afterAll(() => rmSync(dist, { recursive: true, force: true }))

/** The files that importing one loads, and what these import from elsewhere. */
async function loadedBy(entry: string) {
  const options = { bundle: true, write: false, metafile: true, format: 'esm', platform: 'node' } as const
  const { metafile } = await build({ ...options, absWorkingDir: dist, entryPoints: [entry], packages: 'external' })
  const files = Object.entries(metafile.inputs)
  return {
    files: files.map(([path]) => path),
    bytes: files.reduce((sum, [, { bytes }]) => sum + bytes, 0),
    external: files.flatMap(([, { imports }]) => imports.filter(({ external }) => external).map(({ path }) => path)),
  }
}

test("`import 'tenon'` loads two files, and no more code than it used to", async () => {
  const { files, bytes } = await loadedBy(main)
  expect(files).toEqual([expect.stringMatching(/^chunks\//), 'index.js'])
  expect(bytes).toBeLessThan(145_000) // 25 kB cost some 0.5 ms, of the 35 that the whole process takes
})

test("`import 'tenon'` loads no library, and nothing of Node that an empty program would not", async () => {
  expect((await loadedBy(main)).external).toEqual([])
  const program = `
    import './warm.mjs' // what the first import of a process loads of Node
    globalThis.navigator?.userAgent // which Node 22 has, and loads when it is read
    const before = new Set(process.moduleLoadList)
    await import('./index.js')
    console.log(JSON.stringify(process.moduleLoadList.filter(name => !before.has(name))))`
  writeFileSync(join(dist, 'warm.mjs'), '')
  writeFileSync(join(dist, 'program.mjs'), program)
  const output = execFileSync(process.execPath, [join(dist, 'program.mjs')])
  expect(JSON.parse(output.toString())).toEqual([])
})

test('no pattern that the engine reads on import names properties of Unicode: it looks up all their characters', async () => {
  const { files } = await loadedBy(main)
  const code = files.map(file => readFileSync(join(dist, file), 'utf8')).join('\n')
  const inText = /String\.raw`[^`]*`/g
  expect(code.match(inText)?.filter(text => text.includes('\\p{'))).not.toEqual([]) // `latePattern` of these is read late
  expect(code.replace(inText, '')).not.toContain('\\p{')
})
