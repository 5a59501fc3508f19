/**
 * The files of `src` as the repository tests see them: paths relative to `src`, syntax trees, imports, and the folder that owns a file.
 * TypeScript's own parser, because a regular expression takes imports inside comments and strings for real ones.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

export const root: string = fileURLToPath(new URL('../../', import.meta.url))

/** `package.json`, as far as the tests read it. */
export interface Manifest {
  readonly exports: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>
}

export const manifest: Manifest = JSON.parse(readFileSync(posix.join(root, 'package.json'), 'utf8'))

/** One `import`, `export … from`, `import()`, `import('…')` type, or `require.resolve()` for what is read as a file. */
export interface Import {
  readonly specifier: string
  readonly isTypeOnly: boolean
  /** What a relative import names, relative to `src`; `undefined` for a package. */
  readonly target: string | undefined
}

export interface Source {
  /** Relative to `src`, with `/`: `core/endpoint.ts`. */
  readonly path: string
  readonly text: string
  readonly tree: ts.SourceFile
  readonly imports: readonly Import[]
}

/** All files below `folder` (relative to the root) whose name ends in `extension`, relative to that folder, sorted. */
export function filesUnder(folder: string, extension: string): readonly string[] {
  const start = posix.join(root, folder)
  if (!existsSync(start)) return []
  return readdirSync(start, { recursive: true, encoding: 'utf8' })
    .map(path => path.replaceAll('\\', '/'))
    .filter(path => path.endsWith(extension))
    .sort()
}

export function readSources(): readonly Source[] {
  return filesUnder('src', '.ts').map(path => parseSource(path, readFileSync(posix.join(root, 'src', path), 'utf8')))
}

export function parseSource(path: string, text: string): Source {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  return { path, text, tree, imports: importsOf(path, tree) }
}

/** Every node of a syntax tree, parents first. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node
  for (const child of node.getChildren()) yield* nodesOf(child)
}

/**
 * The folder whose rules a file follows: the nearest one above it with an `index.ts` (`transport/http/express`), else its top folder.
 * `''` is `src` itself.
 */
export function folderOf(path: string, folders: ReadonlySet<string>): string {
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    if (folders.has(folder)) return folder
  }
  return path.includes('/') ? (path.split('/')[0] ?? '') : ''
}

/** The folders that have an `index.ts`, `''` being `src` itself. */
export function indexedFolders(paths: readonly string[]): ReadonlySet<string> {
  const indexes = paths.filter(path => posix.basename(path) === 'index.ts').map(path => dirname(path))
  return new Set(indexes.map(folder => (folder === '.' ? '' : folder)))
}

/** `@scope/name/lib/x.js` is a part of the package `@scope/name`. */
export function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function importsOf(path: string, tree: ts.SourceFile): readonly Import[] {
  const found: Import[] = []
  const add = (specifier: ts.Node | undefined, isTypeOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return
    found.push({ specifier: specifier.text, isTypeOnly, target: targetOf(path, specifier.text) })
  }
  for (const node of nodesOf(tree)) {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnlyImport(node))
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, isTypeOnlyExport(node))
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false)
    } else if (ts.isCallExpression(node) && node.expression.getText(tree) === 'require.resolve') {
      add(node.arguments[0], false)
    }
  }
  return found
}

// `import { type A } from 'x'` keeps the import of 'x' at run time under verbatimModuleSyntax, so only `import type` counts.
function isTypeOnlyImport(node: ts.ImportDeclaration): boolean {
  return node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
}

function isTypeOnlyExport(node: ts.ExportDeclaration): boolean {
  return node.isTypeOnly
}

function targetOf(path: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return posix.join(dirname(path), specifier).replace(/\.js$/, '.ts')
}
