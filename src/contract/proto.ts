// Protocol Buffers of contracts: a .proto that any generator reads, and the lock that keeps its numbers. What would break those who
// call is said, in words, and left to whoever asked to refuse.
import type { Described } from './openapi.js'
import type { ProtoLock } from './proto-lock.js'
import { protoMethods } from './proto-methods.js'
import { type ProtoBreak, Renewal } from './proto-renewal.js'
import { protoFilesOf } from './proto-source.js'
import { protoPath, protoText } from './proto-text.js'

/** Options of {@link proto}. */
export interface ProtoOptions {
  /** What the last run gave. @defaultValue none: fields are numbered as they are declared */
  readonly lock?: ProtoLock
}

/** What {@link proto} gives. */
export interface ProtoFiles {
  /** One for each contract: `shop/v1/orders.proto`. */
  readonly files: readonly { readonly path: string; readonly text: string }[]
  /** To be kept, and given to the next run, to servers and to clients. */
  readonly lock: ProtoLock
  /** What breaks those who call by the old files; empty where nothing does. */
  readonly breaks: readonly ProtoBreak[]
}

/**
 * The .proto files of contracts. Fields keep the numbers that they have in the lock; new ones get numbers that nobody had. Throws
 * `TypeError`, naming the field, for what has no place in a .proto.
 *
 * @example
 * ```ts
 * import { contract, method, proto } from 'tenon/contract'
 * import { z } from 'zod'
 *
 * const Stock = contract('shop.v1.Stock', {
 *   count: method({ request: z.object({ sku: z.string() }), response: z.object({ left: z.int() }), idempotency: 'safe' }),
 * })
 * const { files, lock } = proto(Stock)
 * console.log(files[0]?.text) // syntax = "proto3"; package shop.v1; service Stock { …
 * console.log(proto(Stock, { lock }).breaks) // []
 * ```
 */
export function proto(contracts: Described | readonly Described[], options: ProtoOptions = {}): ProtoFiles {
  const all = Array.isArray(contracts) ? (contracts as readonly Described[]) : [contracts as Described] // Array.isArray does not narrow readonly arrays
  for (const each of all) {
    if (protoFilesOf(each) !== undefined) throw new TypeError(`proto: ${each.name} was made from a .proto already`)
  }
  const renewal = new Renewal(options.lock)
  const files = all.map(({ name, specs }) => {
    const methods = protoMethods(name, specs, renewal)
    renewal.service(name, [...methods.values()])
    return { path: protoPath(name), text: protoText({ service: name, specs, methods }) }
  })
  checkPaths(files.map(({ path }) => path))
  return { files, ...renewal.finish() }
}

function checkPaths(paths: readonly string[]): void {
  const twice = paths.find((path, index) => paths.indexOf(path) !== index)
  if (twice !== undefined) throw new TypeError(`proto: two contracts would be ${twice}`)
}
