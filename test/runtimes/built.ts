// The package as it is published, and programs that use it, each test file's in a temporary folder of its own.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { root } from '../repo/sources.js'

/** A built package. */
export interface Built {
  /**
   * Bundles `inside/<name>.ts`; gives its path. The package stays outside, for the platform to find as it does for users,
   * unless `whole`: for platforms that find nothing.
   */
  bundle(name: string, options?: BundleOptions): Promise<string>
  remove(): void
}

export interface BundleOptions extends Pick<BuildOptions, 'minify'> {
  readonly whole?: boolean
}

/** Builds the package, but for its declarations. */
export function built(): Built {
  const folder = mkdtempSync(join(tmpdir(), 'tenon-runtimes-'))
  const installed = join(folder, 'node_modules/tenon')
  mkdirSync(installed, { recursive: true })
  cpSync(join(root, 'package.json'), join(installed, 'package.json'))
  const build = [join(root, 'test/build.js'), join(installed, 'dist'), '--no-declarations']
  execFileSync(process.execPath, build, { cwd: root })
  return {
    async bundle(name, options = {}) {
      const entry = join(root, 'test/runtimes/inside', `${name}.ts`)
      const outfile = join(folder, `${name}.mjs`)
      await bundle({ entryPoints: [entry], outfile, ...options }, folder)
      return outfile
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Bundles, with the package that is installed in `folder`. */
async function bundle(options: BuildOptions & BundleOptions, folder: string): Promise<void> {
  const { whole = false, ...rest } = options
  const common: BuildOptions = { bundle: true, format: 'esm', target: 'es2022', logLevel: 'warning', tsconfigRaw: {} }
  const target: BuildOptions = whole
    ? { platform: 'browser', plugins: [installedIn(folder)] }
    : { platform: 'node', external: ['tenon', 'tenon/*'] }
  await build({ ...common, ...target, ...rest })
}

/** Finds the package where users have it, not in this repository. */
function installedIn(folder: string): Plugin {
  return {
    name: 'installed package',
    setup(build) {
      build.onResolve({ filter: /^tenon(\/|$)/ }, ({ path, kind, resolveDir }) =>
        resolveDir === folder ? undefined : build.resolve(path, { kind, resolveDir: folder }),
      )
    },
  }
}
