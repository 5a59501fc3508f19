/** A client that somebody else's generator makes of the OpenAPI document: it compiles, and its types are what the server sends. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import openapiTypescript, { astToString } from 'openapi-typescript'
import { connect, type JsonSchema } from 'tenon'
import { docs } from 'tenon/transport/http/docs'
import * as memory from 'tenon/transport/memory'
import { expect, onTestFinished, test } from 'vitest'
import { Stock } from '../../../examples/shop/contracts.js'
import { orders } from '../../../examples/shop/orders.js'
import { stock } from '../../../examples/shop/stock.js'
import { deep } from '../../deep.js'
import { known } from '../../examples/customers.js'
import { root } from '../../repo/sources.js'
import { served } from './served.js'

const run = promisify(execFile)

/** What a user of the generated types would write; the compiler checks the lines above which it expects an error. */
const program = `
import createClient from 'openapi-fetch'
import type { paths } from './paths.js'

const client = createClient<paths>({ baseUrl: process.argv[2] ?? '' })

const found = await client.GET('/stock/{sku}', { params: { path: { sku: 'teapot' } } })
const cents: number | undefined = found.data?.priceCents

const placed = await client.POST('/orders', { body: { lines: [{ sku: 'mug', count: 2 }] } })
const id: string = placed.data?.id ?? ''
const status: 'placed' | 'packed' | 'shipped' | 'cancelled' | undefined = placed.data?.status

const refused = await client.POST('/orders', { body: { lines: [{ sku: 'mug', count: 1000 }] } })
const problem = refused.error
let available: number | undefined
if (problem !== undefined && problem.reason === 'OutOfStock' && 'details' in problem) {
  const { details } = problem as Extract<typeof problem, { details: { available: number } }>
  available = details.available
}
const missing = await client.GET('/orders/{id}', { params: { path: { id: 'none' } } })

// @ts-expect-error a count is a number
await client.POST('/orders', { body: { lines: [{ sku: 'mug', count: 'two' }] } }).then(invalid => {
  console.log(JSON.stringify({
    cents, id, status, code: problem?.code, available,
    missing: [missing.response.status, missing.error?.reason],
    invalid: [invalid.response.status, invalid.error?.reason],
  }))
})

// @ts-expect-error there is no such path
const nowhere = () => client.GET('/nowhere')
void nowhere
`

test('a generated client compiles and gets typed results and failures', { timeout: 180_000 }, async () => {
  const item = { sku: 'teapot', name: 'Teapot', priceCents: 4900, available: 3 }
  const inventory = stock({ catalogue: [item, { ...item, sku: 'mug', available: 10 }], use: next => next })
  const shop = orders({ stock: connect(Stock, memory.client(inventory)), use: next => next, known })
  const { address, defects } = await served([shop, inventory], { docs: docs({ page: false }) })

  mkdirSync(join(root, '.tmp'), { recursive: true })
  const folder = mkdtempSync(join(root, '.tmp/generated-client-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const document = (await (await fetch(`${address}/openapi.json`)).json()) as JsonSchema
  writeFileSync(join(folder, 'paths.d.ts'), astToString(await openapiTypescript(JSON.stringify(document))))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'program.ts'), program)

  const settings = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node']
  for (const compiler of deep(['typescript7/bin/tsc'], ['typescript7/bin/tsc', 'typescript/lib/tsc.js'])) {
    const path = join(root, 'node_modules', compiler)
    const compiled = await run(process.execPath, [path, ...settings, '--ignoreConfig', 'program.ts'], {
      cwd: folder,
    }).catch((error: { readonly stdout: string }) => error)
    expect(compiled.stdout, compiler).toBe('')
  }

  const { stdout } = await run(process.execPath, ['--import', 'tsx', 'program.ts', address], { cwd: folder })
  expect(JSON.parse(stdout)).toEqual({
    cents: 4900,
    id: '1',
    status: 'placed',
    code: 'failed_precondition',
    available: 8,
    missing: [404, 'NoSuchOrder'],
    invalid: [400, 'INVALID_REQUEST'],
  })
  expect(defects).toEqual([])
})
