/** What a page has to load: the figure in docs/edge.md, and nothing of Node. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { root } from '../repo/sources.js'
import { built } from './built.js'

test('a client in a browser is as large as the documentation says', async () => {
  const files = built()
  onTestFinished(() => files.remove())
  const code = readFileSync(await files.bundle('client', { whole: true, minify: true }))
  expect(code.toString()).not.toMatch(/\bfrom"|\bimport\(|\brequire\(/)
  const text = readFileSync(join(root, 'docs/edge.md'), 'utf8')
  const [, packed, plain] = text.match(/about (\d+) kB \((\d+) kB before gzip\)/)?.map(Number) ?? []
  // To a fifth: what changes within it is nothing to a page.
  for (const [bytes, kilobytes = 0] of [
    [gzipSync(code).length, packed],
    [code.length, plain],
  ] as const) {
    expect(bytes / 1000).toBeGreaterThan(kilobytes * 0.8)
    expect(bytes / 1000).toBeLessThan(kilobytes * 1.2)
  }
})
