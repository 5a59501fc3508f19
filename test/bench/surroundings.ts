// What has to be there before anything is measured, and what has to be said about it afterwards.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { canPin } from './pinned.js'

const root = new URL('../../', import.meta.url)
const peers = new URL('./peers/', import.meta.url)

export interface Surroundings {
  readonly machine: string
  readonly versions: Readonly<Record<string, string>>
}

/** Compiles the package, as it is published: what runs through a loader is slower, and not what users run. */
export function build(): void {
  npm(['run', '--silent', 'build'], root)
}

/** Installs what is compared with, apart from the package's own dependencies, which must not grow by it. Again where it has changed. */
export function installPeers(): void {
  const installed = new URL('node_modules/.package-lock.json', peers) // npm writes it last
  const changed = (file: URL): number => statSync(file).mtimeMs
  if (!existsSync(installed) || changed(new URL('package-lock.json', peers)) > changed(installed))
    npm(['ci', '--no-audit', '--prefer-offline'], peers)
}

function npm(args: readonly string[], folder: URL): void {
  execFileSync('npm', args, { cwd: fileURLToPath(folder), stdio: ['ignore', 'inherit', 'inherit'] })
}

export function surroundingsOf(packages: readonly string[]): Surroundings {
  const model = cpus()[0]?.model ?? process.arch
  const pinning = canPin ? 'each process on one core' : 'not pinned'
  return {
    machine: `Node ${process.versions.node} on ${process.platform}, ${availableParallelism()} cores (${model}), ${pinning}`,
    versions: Object.fromEntries(packages.map(name => [name, versionOf(name)])),
  }
}

// What peers bring along is not what is measured: only what they are told to have is theirs.
function versionOf(name: string): string {
  const { dependencies } = JSON.parse(readFileSync(new URL('package.json', peers), 'utf8')) as { dependencies: object } // ours
  const file = new URL(`node_modules/${name}/package.json`, name in dependencies ? peers : root)
  if (!existsSync(file)) throw new Error(`${name} is not installed`)
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string } // npm requires it
  return version
}
