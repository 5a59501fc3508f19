// Scripts of this repository, made ready for Node before they are started: tsx takes a second of each process to load their modules.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { buildSync } from 'esbuild'
import { root } from '../repo/sources.js'

const known = new Map<string, string>()

/** Bundles a script, with the sources of the package and without other packages; gives its path, which is gone when the tests are. */
export function bundled(file: string): string {
  const path = known.get(file) ?? bundle(file)
  known.set(file, path)
  return path
}

function bundle(file: string): string {
  // Inside the repository, so that packages are found from there.
  mkdirSync(join(root, '.tmp'), { recursive: true })
  const outdir = mkdtempSync(join(root, '.tmp/bundled-'))
  process.once('exit', () => rmSync(outdir, { recursive: true, force: true }))
  buildSync({
    absWorkingDir: root,
    entryPoints: [{ in: file, out: 'script' }],
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  })
  const folder = join(root, dirname(file))
  for (const name of readdirSync(folder)) if (name.endsWith('.json')) cpSync(join(folder, name), join(outdir, name))
  return join(outdir, 'script.mjs')
}
