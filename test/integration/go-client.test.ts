/** A client in Go, by the code that protoc's plugins make of what `tenon proto` writes, calls our server in each way that there is. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { implement, left } from 'tenon'
import { proto } from 'tenon/contract'
import { serve } from 'tenon/lifecycle'
import * as grpc from 'tenon/transport/grpc'
import { expect, test } from 'vitest'
import { Shop } from './go-client/contract.js'
import { cached, needFile } from './server-program.js'

const folder = 'test/integration/go-client'
const read = (path: string): string => readFileSync(`${folder}/${path}`, 'utf8')

test('what the client is made of is what `tenon proto` writes', () => {
  expect(proto(Shop).files).toEqual([{ path: 'shop/v1/shop.proto', text: read('shop/v1/shop.proto') }])
})

test('a client in Go gets responses, streams and failures as they are', { timeout: 60_000 }, async ({ skip }) => {
  // By its sources, as .ci/run names it.
  const sources = ['go.mod', 'go.sum', 'main.go', 'shop/v1/shop.proto'].map(read).join('')
  const program = cached(`go-client-${createHash('sha256').update(sources).digest('hex').slice(0, 12)}`)
  needFile(program, skip)
  const seen: unknown[] = []
  const shop = implement(Shop).handlers({
    place: request => {
      seen.push(request)
      return request.lines.length === 0 ? left(Shop.failures.Full({ at: 0 })) : { total: 2n ** 60n, note: null }
    },
    async *count({ to }) {
      for (let n = 0; n < to; n++) yield { n }
    },
    async sum(lines) {
      let count = 0
      for await (const line of lines) count += line.count
      return { count }
    },
    async *shout(texts) {
      for await (const { text } of texts) yield { text: text.toUpperCase() }
    },
  })
  const running = await serve([shop], [grpc.server({ port: 0 })], { signals: false })
  try {
    const [address = ''] = running.addresses
    const { stdout } = await promisify(execFile)(program, [address.replace('grpc://', '')], { timeout: 60_000 })
    expect(JSON.parse(stdout)).toEqual({
      total: Number(2n ** 60n),
      hasNote: false,
      full: { code: 'Aborted', reason: 'Full', domain: 'shop.v1.Shop', full: 0 },
      invalid: { code: 'InvalidArgument', reason: 'INVALID_REQUEST', domain: 'shop.v1.Shop', fields: ['at'] },
      counted: [0, 1, 2],
      sum: 42,
      shouted: ['HEAR', 'HEAR'],
    })
    const at = '1970-01-01T00:00:05.000Z'
    const lines = [
      { sku: 'a', count: 2 },
      { sku: 'b', count: 0 },
    ]
    expect(seen).toEqual([
      { at, lines, tags: { gift: 'yes' } },
      { at, lines: [] },
    ])
  } finally {
    await running.close()
  }
})
