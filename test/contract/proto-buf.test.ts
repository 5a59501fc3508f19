// buf, which is not ours, reads what is written of contracts, finds nothing to say of its style, and thinks the same of what breaks.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { contract, failure, method, proto, stream } from 'tenon/contract'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import * as shop from '../../examples/shop/contracts.js'
import { protoChanges } from './proto-changes.js'

const program = fileURLToPath(new URL('../../node_modules/.bin/buf', import.meta.url))

/** What buf says, line by line; it exits with 100 where it has something to say. */
function buf(...args: string[]): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, BUF_CACHE_DIR: folder() }
    execFile(program, args, { env }, (error, stdout, stderr) => {
      if (error !== null && error.code !== 100) reject(new Error(`${error.message}\n${stderr}`))
      else resolve(stdout.split('\n').filter(line => line !== ''))
    })
  })
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tenon-buf-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

function written(files: readonly { readonly path: string; readonly text: string }[]): string {
  const root = folder()
  for (const { path, text } of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

// A service is called as its contract is, and two methods may take the same.
const lint = { version: 'v2', lint: { use: ['STANDARD'], except: ['SERVICE_SUFFIX'] } }
const breaking = {
  version: 'v2',
  breaking: {
    use: [
      'WIRE',
      'FIELD_SAME_JSON_NAME',
      'FIELD_NO_DELETE_UNLESS_NAME_RESERVED',
      'RPC_NO_DELETE',
      'PACKAGE_SERVICE_NO_DELETE',
    ],
  },
}

describe('buf', { timeout: 60_000 }, () => {
  test('compiles what is written, and has nothing to say of its style', async () => {
    const odd = z.object({
      'x-odd': z.string().describe('a "quoted" \\ one\nand */ two'),
      map: z.record(z.string(), z.int()),
    })
    const Odd = contract('acme.google.v1.Odd', {
      get: method({ request: odd, response: stream(odd), idempotency: 'safe' }),
      tell: method({
        request: stream(
          z.object({ any: z.unknown(), at: z.iso.datetime(), tree: z.object({ tree: z.object({ odd }) }) }),
        ),
        response: z.object({}),
        failures: { Full: failure('aborted', odd) },
        deprecated: true,
        idempotency: 'unsafe',
      }),
    })
    const first = proto([Odd, shop.Orders, shop.Stock])
    const next = proto(
      [
        contract('acme.google.v1.Odd', {
          get: method({ request: z.object({ neu: z.int() }), response: odd, idempotency: 'safe' }),
        }),
      ],
      first,
    )
    for (const files of [first.files, next.files])
      expect(await buf('lint', written(files), '--config', JSON.stringify(lint))).toEqual([])
  })

  test('agrees with the lock about what breaks', async () => {
    const response = z.object({})
    const made = protoChanges.map(({ before, after, breaks }, index) => {
      const of = (request: z.ZodType) =>
        contract(`t${index}.v1.T`, { get: method({ request, response, idempotency: 'safe' }) })
      const first = proto(of(before))
      // What breaks is written as without a lock: the same number for another thing.
      return { before: first.files, after: proto(of(after), breaks.length > 0 ? {} : first).files }
    })
    const [old, next] = [written(made.flatMap(({ before }) => before)), written(made.flatMap(({ after }) => after))]
    const said = await buf('breaking', next, '--against', old, '--config', JSON.stringify(breaking))
    const broken = new Set(said.map(line => Number(/\bt(\d+)\/v1/.exec(line)?.[1])))
    const expected = protoChanges.flatMap(({ breaks, isStricter }, index) =>
      breaks.length > 0 && isStricter === undefined ? [index] : [],
    )
    const names = (indices: Iterable<number>) =>
      [...indices].sort((a, b) => a - b).map(index => protoChanges[index]?.name)
    expect(names(broken)).toEqual(names(expected))
  })
})
