/** What `ls` shows is what the documentation promises: files, folders and exports follow the rules, and the rules notice when not. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { layoutRules } from './layout.js'
import { indexedFolders, manifest, parseSource, readSources, root } from './sources.js'

const sources = readSources()

test('there are sources to look at', () => {
  expect(sources.map(({ path }) => path)).toContain('index.ts')
})

describe('in src', () => {
  test.each(layoutRules)('$name', ({ broken }) => {
    const found = sources.flatMap(source => broken(source).map(what => `src/${source.path}: ${what}`))
    expect(found).toEqual([])
  })

  test('the folders with an index.ts are exactly what package.json exports', () => {
    const folders = [...indexedFolders(sources.map(({ path }) => path))].sort()
    const expected = folders.map(folder =>
      folder === '' ? ['.', './dist/index.js'] : [`./${folder}`, `./dist/${folder}/index.js`],
    )
    expect(manifest.exports).toEqual(Object.fromEntries([...expected, ['./package.json', './package.json']]))
  })
})

describe('the rules notice', () => {
  const top = '// Why.\n'
  const refused: readonly { readonly rule: RegExp; readonly path?: string; readonly text: string }[] = [
    { rule: /lines/, text: top + 'f()\n'.repeat(400) },
    { rule: /comment/, text: `import { a } from './a.js'\n// Why.` },
    { rule: /comment/, text: '' },
    { rule: /concept/, path: 'core/utils.ts', text: top },
    { rule: /concept/, path: 'helpers/retry.ts', text: top },
    { rule: /concept/, path: 'core/types.ts', text: top },
    { rule: /concept/, path: 'core/rateLimit.ts', text: top },
    { rule: /lists/, path: 'core/index.ts', text: `${top}export const a = 1` },
    { rule: /any/, text: `${top}export const a = (b: readonly any[]): void => {}` },
    { rule: /silenced/, text: `${top}// @ts-ignore\n` },
    {
      rule: /docstring/,
      text: `${top}export interface AOptions {\n/** How long. */\nreadonly aMs: number\n// no\nreadonly b: string }`,
    },
    { rule: /awaited/, text: `${top}export const a = await b()` },
    { rule: /awaited/, text: `${top}if (a) { for await (const b of c) d(b) }` },
  ]
  test.each(refused)('$rule in $path', ({ rule, path = 'core/a.ts', text }) => {
    const [found, ...others] = layoutRules.filter(({ name }) => rule.test(name))
    expect(others).toEqual([])
    expect(found?.broken(parseSource(path, text))).toHaveLength(1)
  })

  test('but not what is allowed', () => {
    const text = `/**\n * Why any name: ${'x'}.\n */\nexport const a = async (any: string) => { await b; for await (const c of d) e(any, 'any') }\n`
    for (const { name, broken } of layoutRules)
      expect(broken(parseSource('core/rate-limit.ts', text)), name).toEqual([])
    const list = `// Why.\nexport * from './a.js'\nexport type { B } from './b.js'\n`
    for (const { name, broken } of layoutRules) expect(broken(parseSource('core/index.ts', list)), name).toEqual([])
  })
})

describe('README.md', () => {
  const path = join(root, 'README.md')
  const readme = existsSync(path) ? readFileSync(path, 'utf8') : ''

  test('has at most 200 lines', () => {
    expect(readme).not.toBe('')
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(200)
  })

  test.each(['npm ci && npm start', 'npm ci && npm test'])('says how to begin: %s', command => {
    const shell = [...readme.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, code = '']) => code.split('\n'))
    expect(shell.map(line => line.replace(/\s+#.*$/, '').trim())).toContain(command)
  })
})
