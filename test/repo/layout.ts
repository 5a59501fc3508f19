/**
 * The rules about files that can be read off their syntax: each is a function from one source to sentences about what is wrong.
 * Small files with one named concept are what lets a stranger find things by `ls`.
 */
import { posix } from 'node:path'
import ts from 'typescript'
import { nodesOf, type Source } from './sources.js'

const maxLines = 400
const namelessNames = /^(utils?|common|helpers?|shared|misc)$/

export interface LayoutRule {
  readonly name: string
  readonly broken: (source: Source) => readonly string[]
}

export const layoutRules: readonly LayoutRule[] = [
  {
    name: `a file has at most ${maxLines} lines`,
    broken: ({ text }) => {
      const lines = text.trimEnd().split('\n').length
      return lines > maxLines ? [`${lines} lines`] : []
    },
  },
  {
    name: 'a file begins with a comment that says why it exists',
    broken: ({ text }) => (/^(#!.*\n)?(\/\*\*?[^*/]|\/\/ ?\S)/.test(text) ? [] : ['no comment at the top']),
  },
  {
    name: 'files and folders are named after a concept, in kebab-case',
    broken: ({ path }) => {
      const names = path.replace(/\.ts$/, '').split('/')
      const bad = names.filter(name => namelessNames.test(name) || !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))
      return posix.basename(path) === 'types.ts' ? ['types.ts'] : bad
    },
  },
  {
    name: 'index.ts only lists',
    broken: ({ path, tree }) => {
      if (posix.basename(path) !== 'index.ts') return []
      return tree.statements.filter(statement => !ts.isExportDeclaration(statement)).map(lineOf)
    },
  },
  {
    name: 'any does not occur',
    broken: ({ tree }) => [...nodesOf(tree)].filter(node => node.kind === ts.SyntaxKind.AnyKeyword).map(lineOf),
  },
  {
    name: 'the type checker is not silenced',
    broken: ({ text }) => text.match(/@ts-(ignore|nocheck|expect-error)\b/g) ?? [],
  },
  {
    name: 'every field of options has a docstring',
    broken: ({ tree }) => tree.statements.filter(ts.isInterfaceDeclaration).flatMap(undocumentedOptions),
  },
  {
    name: 'nothing is awaited at the top, so that require() works',
    broken: ({ tree }) => tree.statements.flatMap(awaitsOutsideFunctions).map(lineOf),
  },
]

function undocumentedOptions(declaration: ts.InterfaceDeclaration): readonly string[] {
  if (!declaration.name.text.endsWith('Options')) return []
  const undocumented = declaration.members.filter(member => ts.getJSDocCommentsAndTags(member).length === 0)
  return undocumented.map(member => `${declaration.name.text}.${member.name?.getText() ?? '()'}`)
}

function awaitsOutsideFunctions(node: ts.Node): readonly ts.Node[] {
  if (ts.isFunctionLike(node)) return []
  const isAwait = ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier !== undefined)
  return [...(isAwait ? [node] : []), ...node.getChildren().flatMap(awaitsOutsideFunctions)]
}

function lineOf(node: ts.Node): string {
  const tree = node.getSourceFile()
  return `line ${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`
}
