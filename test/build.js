// Builds the package: declarations by tsc, code by esbuild, with what several entries share in chunks of its own. Sixty small
// modules cost more to load than all the code in them (docs/decisions/0006-bundled-entries.md).
// Arguments: the folder to build into, `dist` where there is none; for tests, `--no-declarations` for the code alone, in a fraction
// of the time, and `--compiler typescript7`, which writes the same declarations, but for quotes, in a sixth of it.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../', import.meta.url))
const { positionals, values } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    declarations: { type: 'boolean', default: true },
    compiler: { type: 'string', default: 'typescript' },
  },
})
const outdir = resolve(root, positionals[0] ?? 'dist')
const { bin = {}, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const programs = Object.values(bin).map(path => path.replace(/^(\.\/)?dist\/(.*)\.js$/, 'src/$2.ts'))

/** The entries: each folder of src that has an index.ts. */
function entries() {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  return files.filter(file => /(^|[\\/])index\.ts$/.test(file)).map(file => join('src', file))
}

const entryPoints = [...entries(), ...programs]

/**
 * Puts all of "tenon" into one chunk. esbuild groups modules by the entries that reach them, so each entry is made to reach the main
 * one, by an import that adds nothing. A file more costs an import about as much as 25 kB of code more.
 */
const spine = {
  name: 'spine',
  setup({ onLoad, onResolve }) {
    const main = join(root, 'src/index.ts')
    const others = new Set(entryPoints.map(path => join(root, path)).filter(path => path !== main))
    onResolve({ filter: /^spine$/ }, () => ({ path: main }))
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      if (others.has(path)) return { contents: `${readFileSync(path, 'utf8')}import 'spine'\n`, loader: 'ts' }
    })
  },
}

rmSync(outdir, { recursive: true, force: true })
const compiler = join(root, 'node_modules', values.compiler, 'bin/tsc')
const declarations = ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', outdir]
if (values.declarations) execFileSync(process.execPath, [compiler, ...declarations], { cwd: root, stdio: 'inherit' })
await build({
  absWorkingDir: root,
  entryPoints,
  outbase: 'src',
  outdir,
  bundle: true,
  plugins: [spine],
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  format: 'esm',
  platform: 'node',
  packages: 'external',
  target: `node${engines.node.replace(/^>=/, '')}`,
  sourcemap: true,
  logLevel: 'warning',
  logOverride: { 'ignored-bare-import': 'silent' }, // of `spine`: ignored in the output, which is as it should be
})
