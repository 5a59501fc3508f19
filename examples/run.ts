// Runs an example: `npm run example -- NAME`, with its own flags behind the name; without a name, lists them.
import { existsSync, readdirSync, readFileSync } from 'node:fs'

const [, , name, ...flags] = process.argv
const here = new URL('.', import.meta.url)
const names = readdirSync(here).filter(each => existsSync(new URL(`${each}/main.ts`, here)))

if (name !== undefined && names.includes(name)) {
  process.argv.splice(2, Number.POSITIVE_INFINITY, ...flags)
  await import(new URL(`${name}/main.ts`, here).href)
} else {
  if (name !== undefined) console.error(`There is no example '${name}'.\n`)
  console.log(`Examples, for npm run example -- NAME:\n\n${names.map(described).join('\n')}\n`)
  process.exitCode = name === undefined ? 0 : 1
}

/** The name, and the first sentence of the example's own opening comment. */
function described(example: string): string {
  const comment = readFileSync(new URL(`${example}/main.ts`, here), 'utf8').match(/^(\/\/ .*\n)+/)?.[0] ?? ''
  const [sentence = ''] = comment.replaceAll(/^\/\/ |\n(?=\/\/)/gm, '').split(/[.:]\s/, 1)
  return `  ${example.padEnd(12)} ${sentence}`
}
