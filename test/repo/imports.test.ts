/** The direction of imports in `src`, and that the rules themselves notice what they are there for. */
import { describe, expect, test } from 'vitest'
import {
  applications,
  brokenImportRules,
  importCycles,
  importedAnywhere,
  mayImport,
  nodeInUniversalFolders,
  packagesInSeveralFolders,
  packageUsers,
  sharedPackages,
} from './imports.js'
import { manifest, parseSource, readSources, type Source } from './sources.js'

const sources = readSources()

describe('src', () => {
  test('imports only in the direction of the table', () => {
    expect(brokenImportRules(sources)).toEqual([])
  })

  test('has only folders that have a row in the table', () => {
    const tops = new Set(sources.flatMap(({ path }) => (path.includes('/') ? [path.split('/')[0]] : [])))
    expect([...tops].filter(top => !Object.hasOwn(mayImport, top ?? '') && !applications.includes(top ?? ''))).toEqual(
      [],
    )
  })

  test('has no import cycles', () => {
    expect(importCycles(sources)).toEqual([])
  })

  test('names each package in one folder', () => {
    expect(packagesInSeveralFolders(sources)).toEqual([])
  })

  test('names a package if and only if it is a dependency or an optional peer', () => {
    const peers = Object.keys(manifest.peerDependencies)
    expect(Object.keys(manifest.peerDependenciesMeta).sort()).toEqual([...peers].sort())
    expect(Object.keys(manifest.dependencies).sort()).toEqual([...importedAnywhere].sort())
    const named = [...packageUsers(sources).keys()].filter(name => !importedAnywhere.includes(name))
    // The types of a peer go with it: a strict package manager would hide them from our declarations otherwise.
    const all = named.flatMap(name => (peers.includes(`@types/${name}`) ? [name, `@types/${name}`] : [name]))
    expect(all.sort()).toEqual([...peers].sort())
  })

  test('needs nothing of Node where browsers can call', () => {
    expect(nodeInUniversalFolders(sources)).toEqual([])
  })
})

describe('the rules', () => {
  const tree = (files: Readonly<Record<string, string>>): readonly Source[] =>
    Object.entries(files).map(([path, text]) => parseSource(path, text))

  const refused: readonly { readonly why: string; readonly files: Readonly<Record<string, string>> }[] = [
    {
      why: 'core importing contract',
      files: { 'core/a.ts': `import { b } from '../contract/b.js'`, 'contract/b.ts': '' },
    },
    { why: 'a dynamic import', files: { 'core/a.ts': `const b = await import('../log/b.js')`, 'log/b.ts': '' } },
    { why: 'a re-export', files: { 'core/a.ts': `export * from '../log/b.js'`, 'log/b.ts': '' } },
    { why: 'an import type', files: { 'core/a.ts': `type B = import('../log/b.js').B`, 'log/b.ts': '' } },
    {
      why: 'a transport importing its neighbour',
      files: {
        'transport/memory/index.ts': `import { b } from '../http/index.js'`,
        'transport/http/index.ts': '',
      },
    },
    {
      why: 'a folder importing what lies in it',
      files: { 'transport/index.ts': `import { b } from './http/index.js'`, 'transport/http/index.ts': '' },
    },
    {
      why: 'lifecycle importing one transport',
      files: { 'lifecycle/a.ts': `import { b } from '../transport/http/index.js'`, 'transport/http/index.ts': '' },
    },
    {
      why: 'anyone importing an application',
      files: { 'lb/a.ts': `import { b } from '../testkit/b.js'`, 'testkit/b.ts': '' },
    },
    {
      why: 'an application importing another',
      files: { 'simulator/a.ts': `import { b } from '../testkit/b.js'`, 'testkit/b.ts': '' },
    },
    { why: 'a folder without a row', files: { 'new/a.ts': `import { b } from '../core/b.js'`, 'core/b.ts': '' } },
    { why: 'the name of the package itself', files: { 'lb/a.ts': `import { b } from 'tenon'` } },
    { why: 'fp-ts at run time', files: { 'core/a.ts': `import * as E from 'fp-ts/lib/Either.js'` } },
    {
      why: 'fp-ts kept by an inline type',
      files: { 'core/a.ts': `import { type Either } from 'fp-ts/lib/Either.js'` },
    },
    { why: 'a file that is not there', files: { 'core/a.ts': `import { b } from './b'`, 'core/b.ts': '' } },
    { why: 'the index of src', files: { 'core/a.ts': `import { b } from '../index.js'`, 'index.ts': '' } },
  ]
  test.each(refused)('refuse $why', ({ files }) => {
    expect(brokenImportRules(tree(files))).toHaveLength(1)
  })

  test('allow what the table allows, in files and folders without an index too', () => {
    const files = {
      'index.ts': `export * from './core/index.js'; export * from './contract/index.js'`,
      'core/index.ts': `export * from './deep/x.js'`,
      'core/deep/x.ts': `import type { Either } from 'fp-ts/lib/Either.js'; import { y } from '../y.js'`,
      'core/y.ts': `// import { z } from '../log/z.js'\nexport const y = "import { z } from '../log/z.js'"`,
      'contract/index.ts': `import { y } from '../core/y.js'`,
      'transport/index.ts': '',
      'transport/http/index.ts': `import { y } from '../index.js'`,
      'transport/http/express/index.ts': `import { y } from '../index.js'; import express from 'express'`,
      'gateway/a.ts': `import * as http from '../transport/http/index.js'`,
    }
    expect(brokenImportRules(tree(files))).toEqual([])
  })

  test('see cycles, those of types too', () => {
    const files = {
      'core/a.ts': `import './b.js'`,
      'core/b.ts': `import type { C } from './c.js'`,
      'core/c.ts': `export * from './a.js'`,
    }
    expect(importCycles(tree(files))).toEqual(['core/a.ts > core/b.ts > core/c.ts > core/a.ts'])
  })

  test('see a package that two folders name', () => {
    const files = { 'sd/a.ts': `import { x } from '@scope/x/lib.js'`, 'lb/b.ts': `import type { X } from '@scope/x'` }
    expect(packagesInSeveralFolders(tree(files))).toEqual(['@scope/x is named in lb and sd; one folder owns a package'])
    const [shared] = sharedPackages
    expect(
      packagesInSeveralFolders(tree({ 'sd/a.ts': `import '${shared}'`, 'lb/b.ts': `import '${shared}'` })),
    ).toEqual([])
  })

  test('see Node behind a universal folder', () => {
    const files = {
      'transport/http/fetch/client.ts': `import { a } from '../../a.js'`,
      'transport/a.ts': `import { x } from 'node:http'`,
      'core/b.ts': `const lazy = () => import('undici')`,
    }
    expect([...nodeInUniversalFolders(tree(files))].sort()).toEqual([
      'core/b.ts > undici',
      'transport/http/fetch/client.ts > transport/a.ts > node:http',
    ])
  })
})
