/** The command line: what it prints, and with what it exits. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contract, method, openapi } from 'tenon/contract'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { main } from '../../src/cli/main.js'
import { startBundled } from '../examples/program.js'

const shop = 'examples/shop/contracts.ts'

function api(request: z.ZodType, response: z.ZodType) {
  const call = method({ request, response, idempotency: 'unsafe', http: { post: '/call' } })
  return JSON.stringify(openapi(contract('t.T', { call })))
}

/** Files in a folder of the test's own, by name. */
function files<Name extends string>(contents: Readonly<Record<Name, string>>): Readonly<Record<Name, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'tenon-cli-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const paths = Object.entries<string>(contents).map(([name, text]) => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return [name, path]
  })
  return Object.fromEntries(paths)
}

function versions() {
  const old = api(z.object({ a: z.string() }), z.object({ b: z.string() }))
  const next = api(z.object({ a: z.string().min(1) }), z.object({ b: z.string().optional() }))
  return files({ 'old.json': old, 'next.json': next })
}

describe('tenon diff', () => {
  test('prints what breaks, by whom it breaks, and exits with 1', async () => {
    const { 'old.json': old, 'next.json': next } = versions()
    expect(await main(['diff', old, next])).toEqual({
      text: `Breaking: the new server may refuse what old clients send
  POST /call  body.a: minLength is now 1

Breaking: old clients may not understand what the new server sends
  POST /call  200.b: was always there and is now optional

2 breaking changes
`,
      errors: '',
      exitCode: 1,
    })
  })

  test('prints JSON for programs', async () => {
    const { 'old.json': old, 'next.json': next } = versions()
    const { text, exitCode } = await main(['diff', '--json', old, next])
    expect(JSON.parse(text)).toHaveLength(2)
    expect(JSON.parse(text)[0]).toEqual({
      direction: 'request',
      breaking: true,
      operation: 'POST /call',
      where: 'body.a',
      reason: 'minLength is now 1',
    })
    expect(exitCode).toBe(1)
  })

  test('exits with 0 where nothing breaks', async () => {
    const { 'old.json': old, 'next.json': next } = files({
      'old.json': api(z.object({}), z.object({})),
      'next.json': api(z.object({}), z.object({ a: z.string() })),
    })
    expect(await main(['diff', old, next])).toEqual({ text: 'Nothing has changed.\n', errors: '', exitCode: 0 })
  })

  test('compares a kept document with the contracts of a module', async () => {
    const { text } = await main(['openapi', shop])
    const { 'kept.json': kept } = files({ 'kept.json': text })
    expect(await main(['diff', kept, shop])).toEqual({ text: 'Nothing has changed.\n', errors: '', exitCode: 0 })
  })
})

describe('tenon openapi', () => {
  test('prints the document of all contracts of a module', async () => {
    const { text, exitCode } = await main(['openapi', shop, '--title', 'Shop', '--api-version', '2.0.0'])
    expect(exitCode).toBe(0)
    expect(JSON.parse(text)).toMatchObject({
      openapi: '3.1.0',
      info: { title: 'Shop', version: '2.0.0' },
      tags: [{ name: 'shop.v1.Orders' }, { name: 'shop.v1.Stock' }],
    })
  })
})

describe('tenon proto', () => {
  const folder = () => join(Object.values(files({ 'empty.json': '' }))[0] ?? '', '..')

  test('writes a file for each contract, and the lock, and the same again', async () => {
    const out = folder()
    const paths = ['shop/v1/orders.proto', 'shop/v1/stock.proto', 'proto.lock.json'].map(path => join(out, path))
    const all = () => paths.map(path => readFileSync(path, 'utf8'))
    const expected = { text: paths.map(path => `${path}\n`).join(''), errors: '', exitCode: 0 }
    expect(await main(['proto', shop, '--out', out])).toEqual(expected)
    const first = all()
    expect(first[1]).toContain('package shop.v1;')
    expect(JSON.parse(first[2] ?? '')).toMatchObject({
      messages: { 'shop.v1.StockSetRequest': { fields: { sku: { number: 1 } } } },
    })
    expect(await main(['proto', shop, '--out', out])).toEqual(expected)
    expect(all()).toEqual(first)
    expect(readdirSync(out).sort()).toEqual(['empty.json', 'proto.lock.json', 'shop'])
  })

  test('writes nothing where that breaks old clients, unless it is told to', async () => {
    const out = folder()
    await main(['proto', shop, '--out', out])
    const lock = join(out, 'proto.lock.json')
    const edited = readFileSync(lock, 'utf8').replaceAll('"int64"', '"string"')
    writeFileSync(lock, edited)
    const refused = await main(['proto', shop, '--out', out])
    expect(refused).toMatchObject({ errors: '', exitCode: 1 })
    expect(refused.text).toMatch(
      /^Breaking, for every caller\n.* {2}shop\.v1\.StockSetRequest\.available was string and is int64\n/s,
    )
    expect(refused.text).toMatch(
      /\d+ breaking changes: nothing was written \(--allow-breaking writes all the same\)\n$/,
    )
    expect(readFileSync(lock, 'utf8')).toBe(edited)
    expect(await main(['proto', shop, '--out', out, '--allow-breaking'])).toMatchObject({ exitCode: 0 })
    expect(readFileSync(join(out, 'shop/v1/stock.proto'), 'utf8')).toMatch(/reserved 2;.*int64 available = 3;/s)
  })

  test.each([
    '{',
    '{}',
    '[]',
    '{"version":1,"messages":{"a":{"fields":{"b":{"number":0}},"reserved":[]}},"services":{}}',
  ])('takes %s for no lock', async text => {
    const { 'lock.json': lock } = files({ 'lock.json': text })
    const result = await main(['proto', shop, '--out', folder(), '--lock', lock])
    expect(result).toEqual({ text: '', errors: `tenon: ${lock} is no lock that tenon proto made\n`, exitCode: 2 })
  })
})

describe('a command that makes no sense exits with 2 and one line', () => {
  const { root } = { root: new URL('../../', import.meta.url).pathname }
  test.each<readonly [args: readonly string[], errors: RegExp]>([
    [['nonsense'], /^tenon: there is no command 'nonsense'/],
    [['diff', 'one.json'], /^tenon: diff needs two files/],
    [['diff', '--fast', 'a', 'b'], /^tenon: Unknown option '--fast'/],
    [['diff', 'missing.json', shop], /^tenon: missing.json: ENOENT/],
    [['diff', `${root}package.json`, shop], /^tenon: .*package.json is not an OpenAPI 3.1 document/],
    [['openapi', 'src/cli/report.ts'], /^tenon: src\/cli\/report.ts exports no contract/],
    [['openapi'], /^tenon: openapi needs one module/],
    [['proto'], /^tenon: proto needs one module/],
    [['proto', shop], /^tenon: proto needs --out/],
    [['proto', shop, '--out', 'x', '--lock', 'src'], /^tenon: src: EISDIR/],
  ])('%j', async (args, errors) => {
    const result = await main(args)
    expect(result).toMatchObject({ text: '', exitCode: 2 })
    expect(result.errors).toMatch(errors)
    expect(result.errors.trimEnd().split('\n')).toHaveLength(1)
  })

  test('as does none at all, with the help', async () => {
    const { text } = await main(['--help'])
    expect(text).toContain('tenon diff OLD NEW')
    expect(await main([])).toEqual({ text: '', errors: text, exitCode: 2 })
  })
})

test('the program prints and exits as its commands say', { timeout: 60_000 }, async () => {
  const { 'old.json': old, 'next.json': next } = versions()
  const program = startBundled('src/cli/tenon.ts', ['diff', old, next])
  expect(await program.ended).toBe(1)
  expect(program.output()).toContain('2 breaking changes')
  const wrong = startBundled('src/cli/tenon.ts', ['nonsense'])
  expect(await wrong.ended).toBe(2)
  expect(wrong.output()).toContain("there is no command 'nonsense'")
})
