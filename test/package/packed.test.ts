/**
 * The package as users get it: built, packed, and installed into an empty project without any optional peer.
 * What only breaks there is what the other tests cannot see: a file missing from `files`, an export that points nowhere,
 * a peer that is loaded although nobody asked for it, declarations that need our settings.
 */
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deep } from '../deep.js'
import { manifest, root } from '../repo/sources.js'

const run = promisify(execFile)

/** Entries whose first import loads a peer, so that without it they fail with Node's own error, which names it. */
const eagerPeers: Readonly<Record<string, string>> = {
  'tenon/auth/jwt': 'jsonwebtoken',
  'tenon/metrics/prometheus': 'prom-client',
  'tenon/tracing/otel': '@opentelemetry/api',
  'tenon/tracing/zipkin': 'zipkin',
  'tenon/transport/grpc': '@grpc/grpc-js',
  'tenon/transport/grpc/protobuf-es': '@bufbuild/protobuf',
}

/** Entries that load without their peer, which their declarations name. */
const declaredByPeers = ['tenon/auth/casbin', 'tenon/auth/oauth2', 'tenon/log/pino']

/** Types of peers that our declarations name, and that nothing else brings. */
const typesOfPeers = ['@types/node', '@types/express']

const entries = Object.keys(manifest.exports).filter(entry => entry !== './package.json')
const consumer = mkdtempSync(join(tmpdir(), 'tenon-consumer-'))

beforeAll(async () => {
  const tarball = await pack()
  writeFileSync(join(consumer, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  const wanted = [tarball, ...typesOfPeers.map(name => `${name}@${manifest.devDependencies[name]}`)]
  const options = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts']
  await run('npm', ['install', ...options, ...wanted], { cwd: consumer })
}, 120_000)

afterAll(() => rmSync(consumer, { recursive: true, force: true }))

/** Builds in a folder of its own, because the tests may run while somebody builds. */
async function pack(): Promise<string> {
  const stage = join(consumer, 'stage')
  mkdirSync(stage)
  for (const name of ['package.json', 'src', 'README.md', 'LICENSE']) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(stage, name), { recursive: true })
  }
  const quick = deep(['--compiler', 'typescript7'], [])
  await run(process.execPath, [join(root, 'test/build.js'), join(stage, 'dist'), ...quick], { cwd: root })
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', stage], { cwd: consumer })
  const [packed]: readonly { readonly filename: string }[] = JSON.parse(stdout)
  if (packed === undefined) throw new Error(`npm pack said: ${stdout}`)
  return join(consumer, packed.filename)
}

/** Runs a module of the consumer's and reads the JSON that it prints. */
async function runInConsumer(name: string, code: string): Promise<unknown> {
  writeFileSync(join(consumer, name), code)
  const { stdout, stderr } = await run(process.execPath, [name], { cwd: consumer })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

const specifiers = entries.map(entry => `tenon${entry.slice(1)}`)

/** What loading an entry without peers leads to: its exports, or the name of the peer. */
function expectLoaded(loaded: unknown): void {
  expect(Object.keys(loaded as object)).toEqual(specifiers) // written by the code below
  for (const [specifier, result] of Object.entries(loaded as Record<string, string>)) {
    const peer = eagerPeers[specifier]
    expect(result, specifier).toMatch(peer === undefined ? /^exports: \S/ : new RegExp(`Cannot find package '${peer}'`))
  }
}

describe('the packed package', () => {
  test('brings its own dependencies and no optional peer', () => {
    const installed = readdirSync(join(consumer, 'node_modules'), { recursive: true, encoding: 'utf8' })
      .filter(path => basename(path) === 'package.json')
      .map(path =>
        path
          .replaceAll('\\', '/')
          .split('/')
          .slice(0, path.startsWith('@') ? 2 : 1)
          .join('/'),
      )
    const isTypes = (name: string) => name.startsWith('@types/') || name === 'undici-types' // as asked for above
    expect([...new Set(installed)].filter(name => !isTypes(name)).sort()).toEqual(
      ['tenon', ...Object.keys(manifest.dependencies)].sort(),
    )
  })

  test('loads by import without a peer, or names the peer', async () => {
    const code = `
      const loaded = {}
      for (const name of ${JSON.stringify(specifiers)}) {
        loaded[name] = await import(name).then(module => 'exports: ' + Object.keys(module), error => error.message)
      }
      console.log(JSON.stringify(loaded))`
    expectLoaded(await runInConsumer('import.mjs', code))
  })

  test('loads by require() without a peer, or names the peer', async () => {
    const code = `
      const loaded = {}
      for (const name of ${JSON.stringify(specifiers)}) {
        try { loaded[name] = 'exports: ' + Object.keys(require(name)) } catch (error) { loaded[name] = error.message }
      }
      console.log(JSON.stringify(loaded))`
    expectLoaded(await runInConsumer('require.cjs', code))
  })

  test('names a peer that is needed late when what needs it is constructed', async () => {
    const code = `
      const { login } = await import('tenon/auth/oauth2')
      const { sessions } = await import('tenon/auth/session')
      const claims = { '~standard': { version: 1, vendor: 'test', validate: value => ({ value }) } }
      const client = { id: 'a', secret: 'b' }
      const options = { issuer: 'https://a', client, redirectUri: 'https://b/c', sessions: sessions(), claims }
      try { login(options) } catch (error) { console.log(JSON.stringify(String(error))) }`
    expect(await runInConsumer('late.mjs', code)).toBe('TypeError: login: install openid-client')
  })

  test('hides everything that is not exported', async () => {
    const code = `
      const found = await import('tenon/core/endpoint').then(() => 'found', error => error.code)
      console.log(JSON.stringify(found))`
    expect(await runInConsumer('hidden.mjs', code)).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })

  test('has declarations that compile in a strict project that checks libraries', async () => {
    const options = {
      module: 'nodenext',
      target: 'es2023',
      lib: ['es2023'],
      strict: true,
      noEmit: true,
      types: ['node'],
    }
    const settings = { compilerOptions: { ...options, skipLibCheck: false }, files: ['program.ts'] }
    writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify(settings))
    const withoutPeers = specifiers.filter(name => !Object.hasOwn(eagerPeers, name) && !declaredByPeers.includes(name))
    const imports = withoutPeers.map((name, index) => `import * as all${index} from '${name}'\nvoid all${index}\n`)
    writeFileSync(join(consumer, 'program.ts'), imports.join('') + program)
    for (const compiler of deep(['typescript7/bin/tsc'], ['typescript7/bin/tsc', 'typescript/lib/tsc.js'])) {
      const path = join(root, 'node_modules', compiler)
      const { stdout } = await run(process.execPath, [path, '-p', '.', '--pretty', 'false'], { cwd: consumer }).catch(
        (error: { readonly stdout: string }) => error,
      )
      expect(stdout, compiler).toBe('')
    }
  }, 60_000)
})

const program = `
import { call, fromPromise, type Endpoint } from 'tenon'

const double: Endpoint<number, number> = fromPromise(async (n: number) => n * 2)
const outcome = await call(double, 21)
const n: number = outcome._tag === 'Right' ? outcome.right : 0
// @ts-expect-error a request is a number
await call(double, 'x')
void n
`
