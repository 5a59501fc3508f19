// What each middleware of the stack costs in it: the call with the whole stack less the same without that one, by turns in one process.
// Calls come in as a server takes them in, without a server: what is on the wire would drown the differences.
import { openSync } from 'node:fs'
import { fromPromise, provide } from 'tenon'
import { incoming } from 'tenon/core'
import { stackOf } from './servers/stack.mjs'
import { tokenOf } from './tokens.mjs'
import { customers, orderOf, place } from './work.mjs'

const method = { service: 'shop.v1.Orders', name: 'place', idempotency: 'unsafe' }
const business = fromPromise((request, { principal }) => place(request.order, principal.id), method)
const address = { peer: { address: '127.0.0.1' } }

// Where nobody is authenticated, the limit and the handler need a principal all the same.
const anybody = provide(() => ({ name: 'anybody', enter: (_, { somebody }) => somebody }))

/**
 * @param {string} variant - `authenticate`, of the stack; `the whole stack`; either with `, each token verified`, or with `, 64 KiB read in
 *   between`: so much of other memory before each call
 */
export async function contender(variant) {
  const [name, how] = variant.split(', ')
  const { layers } = stackOf({
    fd: openSync('/dev/null', 'w'),
    reporter: { report() {}, flush: async () => {}, close: async () => {} },
    isCached: how !== 'each token verified',
  })
  const all = Object.entries(layers)
  const left = name === 'the whole stack' ? [] : all.filter(([each]) => each !== name)
  const isKnown = left.some(([each]) => each === 'authenticate')
  const run = serving(all.map(([, layer]) => layer))
  const bare = serving([...(isKnown ? [] : [anybody]), ...left.map(([, layer]) => layer)])
  // Each customer has been here before.
  for (const request of requests) await Promise.all([run(request), bare(request)])
  const [, kib] = /^(\d+) KiB read/.exec(how) ?? []
  const after = kib === undefined ? call => call : afterReading(Number(kib))
  return {
    run: after(run),
    bare: after(bare),
    read: ({ right }) => right.totalCents,
    requests,
    expected: ({ n }) => totals[n],
  }
}

function serving(layers) {
  const endpoint = layers.reduceRight((next, layer) => layer(next), business)
  return ({ n }) =>
    incoming({ deadlineMs: 30_000, transport: 'http', metadata: headers[n], from: address }).run(endpoint, orders[n])
}

/** Reads other memory before each call, as a server does between two: what the call needs has then left the caches by so much. */
function afterReading(kib) {
  const line = 64
  const elsewhere = new Uint8Array(64 << 20).fill(1) // written to: pages that are empty are all the same one
  let at = 0
  return call => request => {
    for (let left = (kib << 10) / line; left > 0; left--) {
      at = (at + 10_007 * line) % elsewhere.length // too far for the next line to be fetched ahead
      if (elsewhere[at] !== 1) throw new Error('never')
    }
    return call(request)
  }
}

const headers = Array.from({ length: customers }, (_, n) => new Map([['authorization', `Bearer ${tokenOf(`u-${n}`)}`]]))
const orders = Array.from({ length: customers }, (_, n) => ({
  order: orderOf(n),
  somebody: { provide: { principal: { id: `u-${n}`, scopes: ['orders:write'] } } },
}))
const totals = await Promise.all(orders.map(async ({ order }) => (await place(order, '')).totalCents))
const requests = orders.map((_, n) => ({ n }))
