/**
 * Who may import whom, as data and as a function from sources to sentences about what is wrong, so that the rules themselves can be tested.
 * The direction is what keeps a transport, a middleware or a registry replaceable: each knows the core and nothing beside it.
 */
import { folderOf, type Import, indexedFolders, packageOf, type Source } from './sources.js'

/** What a folder may import besides itself, the folders it lies in, and the packages of `importedAnywhere`. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  '': ['core', 'contract'],
  core: [],
  contract: ['core'],
  store: ['core'],
  sd: ['core'],
  auth: ['core', 'store'],
  tracing: ['core'],
  metrics: ['core'],
  log: ['core'],
  config: ['core'],
  middleware: ['core', 'store', 'log', 'metrics', 'tracing'],
  lb: ['core', 'sd'],
  transport: ['core', 'contract'],
  lifecycle: ['core', 'contract', 'transport', 'log'],
}

/** The top of the tree: these may import everything in `mayImport`, and nobody imports them. */
export const applications: readonly string[] = ['gateway', 'dashboard', 'simulator', 'testkit', 'cli']

/** Packages whose types are part of ours. Only `import type` may name them: they are never loaded. */
export const importedAnywhere: readonly string[] = ['fp-ts', '@standard-schema/spec']

/** Packages that are one door to several things, such as OpenTelemetry's API to traces and to metrics: each of these has its folder. */
export const sharedPackages: readonly string[] = ['@opentelemetry/api']

/** Folders that run in browsers and on edge runtimes as well, with the packages that do so too. */
const universal: readonly string[] = ['core', 'contract', 'transport/http/fetch']
const universalPackages: readonly string[] = [...importedAnywhere, '@valibot/to-json-schema']

export function brokenImportRules(sources: readonly Source[]): readonly string[] {
  const folders = indexedFolders(sources.map(source => source.path))
  const paths = new Set(sources.map(source => source.path))
  const mistakeIn = (path: string, { specifier, target, isTypeOnly }: Import): string | undefined => {
    if (target === undefined) return mistakeInPackage(packageOf(specifier), isTypeOnly)
    if (!paths.has(target)) return 'which is no file of src (write the .js of a .ts file)'
    const [from, to] = [folderOf(path, folders), folderOf(target, folders)]
    return isAllowed(from, to) ? undefined : `but ${from || 'src'} may not import ${to || 'src'}`
  }
  return sources.flatMap(({ path, imports }) =>
    imports.flatMap(each => {
      const mistake = mistakeIn(path, each)
      return mistake === undefined ? [] : [`${path} imports ${each.specifier}, ${mistake}`]
    }),
  )
}

function mistakeInPackage(name: string, isTypeOnly: boolean): string | undefined {
  if (name === 'tenon') return 'but inside src imports are relative'
  if (importedAnywhere.includes(name) && !isTypeOnly) return 'but only `import type` may name it'
  return undefined
}

function isAllowed(from: string, to: string): boolean {
  if (isWithin(from, to)) return true // itself or a folder it lies in
  if (to === '') return false
  const top = from.split('/')[0] ?? ''
  const allowed = applications.includes(top) ? Object.keys(mayImport).filter(folder => folder !== '') : mayImport[top]
  if (allowed === undefined) return false // a new folder needs a row in the table
  // `transport` in a row means that folder alone for its neighbours, and everything below it for the applications.
  return applications.includes(top) ? allowed.some(folder => isWithin(to, folder)) : allowed.includes(to)
}

function isWithin(folder: string, ancestor: string): boolean {
  return ancestor !== '' ? folder === ancestor || folder.startsWith(`${ancestor}/`) : folder === ''
}

/** Packages with the folders that name them, for those that are named in more than one. */
export function packagesInSeveralFolders(sources: readonly Source[]): readonly string[] {
  const broken: string[] = []
  for (const [name, users] of packageUsers(sources)) {
    if (users.size > 1 && !importedAnywhere.includes(name) && !sharedPackages.includes(name)) {
      broken.push(`${name} is named in ${[...users].sort().join(' and ')}; one folder owns a package`)
    }
  }
  return broken
}

/** Which folders name which package; Node's own modules are left out. */
export function packageUsers(sources: readonly Source[]): ReadonlyMap<string, ReadonlySet<string>> {
  const folders = indexedFolders(sources.map(source => source.path))
  const users = new Map<string, Set<string>>()
  for (const { path, imports } of sources) {
    for (const { specifier, target } of imports) {
      if (target !== undefined || specifier.startsWith('node:')) continue
      const name = packageOf(specifier)
      users.set(name, (users.get(name) ?? new Set()).add(folderOf(path, folders)))
    }
  }
  return users
}

/** Each import cycle once, as `a.ts > b.ts > a.ts`. Types count: two files that need each other's types are one concept. */
export function importCycles(sources: readonly Source[]): readonly string[] {
  const byPath = new Map(sources.map(source => [source.path, source]))
  const finished = new Set<string>()
  const cycles: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) cycles.push([...trail.slice(start), path].join(' > '))
    if (start >= 0 || finished.has(path)) return
    for (const { target } of byPath.get(path)?.imports ?? []) {
      if (target !== undefined) visit(target, [...trail, path])
    }
    finished.add(path)
  }
  for (const { path } of sources) visit(path, [])
  return cycles
}

/** Chains of imports from a universal folder to something that needs Node. */
export function nodeInUniversalFolders(sources: readonly Source[]): readonly string[] {
  const byPath = new Map(sources.map(source => [source.path, source]))
  const starts = sources.filter(({ path }) => universal.some(folder => path.startsWith(`${folder}/`)))
  const seen = new Set<string>()
  const broken: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (seen.has(path)) return
    seen.add(path)
    for (const { specifier, target } of byPath.get(path)?.imports ?? []) {
      if (target !== undefined) visit(target, [...trail, path])
      else if (specifier.startsWith('node:') || !universalPackages.includes(packageOf(specifier))) {
        broken.push([...trail, path, specifier].join(' > '))
      }
    }
  }
  for (const { path } of starts) visit(path, [])
  return broken
}
