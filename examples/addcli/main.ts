// Go kit's addcli, side by side with cmd/addcli/addcli.go: calls addsvc, the original or ours, over HTTP or gRPC. The README of addsvc
// says what differs.
import { call, type Failure } from 'tenon'
import { exitWith, missingFlags, parseFlags, refuseMissing, usageOf } from '../addsvc/go-flags.js'
import { grpcClient } from '../addsvc/grpc.js'
import { type AddClient, httpClient } from '../addsvc/http.js'
import type { Answer } from '../addsvc/service.js'

const program = 'addcli [flags] <a> <b>'
const flags = {
  ...missingFlags,
  'thrift-addr': ['', 'Thrift address of addsvc'],
  'jsonrpc-addr': ['', 'JSON RPC address of addsvc'],
  'http-addr': ['', 'HTTP address of addsvc'],
  'grpc-addr': ['', 'gRPC address of addsvc'],
  method: ['sum', 'sum, concat'],
} as const

const { values, args } = parseFlags(program, flags, process.argv.slice(2))
const [a = '', b = ''] = args
if (args.length !== 2) exitWith(1, usageOf(program, flags))

refuseMissing(flags, values)

const svc = clientOf()
const text = await resultOf(svc)
await svc.close()
console.log(text)

function clientOf(): AddClient {
  if (values['http-addr'] !== '') return httpClient(values['http-addr'])
  if (values['grpc-addr'] !== '') return grpcClient(values['grpc-addr'])
  return exitWith(1, 'error: no remote address specified\n')
}

async function resultOf({ sum, concat }: AddClient): Promise<string> {
  switch (values.method) {
    case 'sum': {
      const [x, y] = [int64(a), int64(b)]
      return `${x} + ${y} = ${valueIn(await call(sum, { a: x, b: y }))}`
    }
    case 'concat':
      return `${quoted(a)} + ${quoted(b)} = ${quoted(valueIn(await call(concat, { a, b })))}`
    default:
      return exitWith(1, `error: invalid method ${quoted(values.method)}\n`)
  }
}

function valueIn<V>(
  outcome: { readonly _tag: 'Left'; readonly left: Failure } | { readonly _tag: 'Right'; readonly right: Answer<V> },
): V {
  if (outcome._tag === 'Left') return exitWith(1, `error: ${outcome.left.message}\n`)
  const { v, err } = outcome.right
  return err === undefined ? v : exitWith(1, `error: ${err}\n`)
}

/** What the original takes for 0 is refused: it would be the answer to another question. */
function int64(given: string): bigint {
  const value = /^[+-]?\d+$/.test(given) ? BigInt(given.replace('+', '')) : undefined
  if (value !== undefined && BigInt.asIntN(64, value) === value) return value
  return exitWith(1, `error: ${quoted(given)} is no integer of 64 bits\n`)
}

/** Go's `%q`. */
function quoted(given: string): string {
  const escapes: Readonly<Record<string, string>> = { '\u0007': '\\a', '\u000b': '\\v', '\u007f': '\\x7f' }
  return JSON.stringify(given)
    .replace(
      /\\u00([01][0-9a-f])/g,
      (_, hex: string) => escapes[String.fromCharCode(Number.parseInt(hex, 16))] ?? `\\x${hex}`,
    )
    .replaceAll('\u007f', '\\x7f')
}
