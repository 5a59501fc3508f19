/** Code, the list of reasons and the table in docs/failures.md name the same failures. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { documentedReasons, otherUpperSnake, reasonsFile, usedReasons } from './reasons.js'
import { parseSource, readSources, root } from './sources.js'

const sources = readSources()

async function declaredReasons(): Promise<readonly string[]> {
  const module: { readonly reasons: object } = await import(join(root, 'src', reasonsFile))
  return Object.keys(module.reasons)
}

describe('failure reasons', () => {
  test('are the rows of docs/failures.md, in both directions', async () => {
    const path = join(root, 'docs/failures.md')
    const documented = existsSync(path) ? documentedReasons(readFileSync(path, 'utf8')) : []
    expect([...documented].sort()).toEqual([...(await declaredReasons())].sort())
  })

  test('in code are declared', async () => {
    const declared = await declaredReasons()
    const undeclared = [...usedReasons(sources)].filter(([reason]) => !declared.includes(reason))
    expect(undeclared).toEqual([])
  })

  test('that are declared are used', async () => {
    const literals = sources.filter(({ path }) => path !== reasonsFile).map(({ text }) => text)
    const isUsed = (reason: string): boolean => literals.some(text => new RegExp(`\\b${reason}\\b`).test(text))
    expect((await declaredReasons()).filter(reason => !isUsed(reason))).toEqual([])
  })

  test('are not among the literals that are something else', async () => {
    const declared = await declaredReasons()
    expect(Object.keys(otherUpperSnake).filter(name => declared.includes(name))).toEqual([])
    expect(declared.filter(reason => !/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/.test(reason))).toEqual([])
  })
})

describe('the search for reasons', () => {
  test('finds literals, properties and one-word reasons, but no comments and no codes of Node', () => {
    const text = `
      // 'IN_COMMENT'
      const a = failure('internal', 'IN_CODE')
      const b = { reason: 'DEFECT', code: 'ECONNRESET' }
      const c = reasons.TIMEOUT
      const d = error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'UND_ERR_SOCKET'`
    expect([...usedReasons([parseSource('core/a.ts', text)]).keys()]).toEqual(['IN_CODE', 'DEFECT', 'TIMEOUT'])
  })

  test('reads the first column of the table', () => {
    const table = '| reason | code |\n|---|---|\n| `A_B` | x |\n|`TIMEOUT`| `NOT_THIS` |\n'
    expect(documentedReasons(table)).toEqual(['A_B', 'TIMEOUT'])
  })
})
