/**
 * package-lock.json installs everywhere: from any registry, on any platform.
 * A registry that does not carry the binaries of other platforms makes npm leave them out, and `npm ci` then refuses the file.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './sources.js'

interface Locked {
  readonly resolved?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const lock: { readonly packages: Readonly<Record<string, Locked>> } = JSON.parse(
  readFileSync(join(root, 'package-lock.json'), 'utf8'),
)

/** Node's own search: beside the package, then in each folder above it. */
function isLocked(name: string, from: string): boolean {
  if (Object.hasOwn(lock.packages, `${from === '' ? '' : `${from}/`}node_modules/${name}`)) return true
  return from !== '' && isLocked(name, from.slice(0, Math.max(0, from.lastIndexOf('node_modules/') - 1)))
}

test('the lock file has an entry for each optional package of each platform', () => {
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies).flatMap(([name, version]) =>
      isLocked(name, path) ? [] : [`${name}@${version} (of ${path})`],
    ),
  )
  expect(missing).toEqual([])
})

test('the lock file names no registry', () => {
  const named = Object.entries(lock.packages).filter(([, { resolved }]) => resolved !== undefined)
  expect(named.map(([path]) => path)).toEqual([])
})
