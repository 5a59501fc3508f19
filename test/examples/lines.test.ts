/** What the README of an example says of its length is so: each part is shorter than its counterpart in Go, and so is the whole. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const folder = new URL('../../examples/addsvc/', import.meta.url)
const linesOf = (file: string): number => readFileSync(new URL(file, folder), 'utf8').split('\n').length - 1
const readme = readFileSync(new URL('README.md', folder), 'utf8')
const rows = [...readme.matchAll(/^\| `([\w./-]+\.ts)` \| (\d+) \| [^|]+ \| (\d*) ?\|$/gm)].map(
  ([, file = '', own, original = '']) => ({ file, own: Number(own), original: Number(original) }),
)
const total = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0)

test.each(rows)('addsvc/$file has $own lines', ({ file, own, original }) => {
  expect(own).toBe(linesOf(file))
  if (original > 0) expect(own).toBeLessThan(original)
})

test('addsvc as a whole is shorter, with what it has for lack of a library', () => {
  expect(rows).toHaveLength(9)
  const [own, original] = [total(rows.map(({ own }) => own)), total(rows.map(({ original }) => original))]
  expect(readme).toContain(`| all | ${own} | | ${original} |`)
  expect(own).toBeLessThan(original)
})
