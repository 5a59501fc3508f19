// Reads a command line and runs what it says, without touching the process: what is printed and the exit code are its result.
import { parseArgs } from 'node:util'
import { diff, openapi } from '../contract/index.js'
import { loadContracts, loadDocument } from './load.js'
import { writeProto } from './proto.js'
import { report } from './report.js'
import { UsageError } from './usage-error.js'

/** What a command came to. */
export interface CommandResult {
  /** For stdout. */
  readonly text: string
  /** For stderr. */
  readonly errors: string
  /** 0: done. 1: there are breaking changes. 2: the command line or a file makes no sense. */
  readonly exitCode: 0 | 1 | 2
}

const help = `tenon: contracts from the command line

  tenon diff OLD NEW [--json]         what changed, and whom it breaks; exits with 1 where it breaks anybody
  tenon openapi MODULE [--title T] [--api-version V]
                                      prints the OpenAPI 3.1 document of the contracts that a module exports
  tenon proto MODULE --out DIR [--lock FILE] [--allow-breaking]
                                      writes a .proto for each of these contracts, and DIR/proto.lock.json, which keeps the
                                      numbers of fields; exits with 1, and writes nothing, where that breaks old clients

OLD and NEW are OpenAPI documents (.json) that Tenon made, or modules that export contracts. A module in TypeScript needs a Node
that reads it, or a loader: node --import tsx node_modules/.bin/tenon diff old.json contracts.ts
`

/** Runs a command line. Never rejects. */
export async function main(args: readonly string[]): Promise<CommandResult> {
  try {
    return await run(args)
  } catch (thrown) {
    if (thrown instanceof UsageError || isParseError(thrown))
      return { text: '', errors: `tenon: ${thrown.message}\n`, exitCode: 2 }
    throw thrown
  }
}

async function run(args: readonly string[]): Promise<CommandResult> {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      json: { type: 'boolean' },
      title: { type: 'string' },
      'api-version': { type: 'string' },
      out: { type: 'string' },
      lock: { type: 'string' },
      'allow-breaking': { type: 'boolean' },
    },
  })
  const [command, ...operands] = positionals
  if (values.help === true) return done(help)
  if (command === undefined) return { text: '', errors: help, exitCode: 2 }
  const { title, 'api-version': version } = values
  if (command === 'diff') return await runDiff(operands, values.json === true)
  if (command === 'openapi')
    return await runOpenApi(operands, {
      ...(title !== undefined && { title }),
      ...(version !== undefined && { version }),
    })
  if (command === 'proto') return await runProto(operands, values)
  throw new UsageError(`there is no command '${command}'; tenon --help lists them`)
}

async function runDiff(operands: readonly string[], asJson: boolean): Promise<CommandResult> {
  const [old, next, ...others] = operands
  if (old === undefined || next === undefined || others.length > 0)
    throw new UsageError('diff needs two files: OLD NEW')
  const changes = diff(await loadDocument(old), await loadDocument(next))
  const text = asJson ? `${JSON.stringify(changes, null, 2)}\n` : report(changes)
  return { text, errors: '', exitCode: changes.some(({ breaking }) => breaking) ? 1 : 0 }
}

async function runOpenApi(
  operands: readonly string[],
  options: { readonly title?: string; readonly version?: string },
): Promise<CommandResult> {
  const [path, ...others] = operands
  if (path === undefined || others.length > 0) throw new UsageError('openapi needs one module')
  return done(`${JSON.stringify(openapi(await loadContracts(path), options), null, 2)}\n`)
}

interface ProtoValues {
  readonly out?: string
  readonly lock?: string
  readonly 'allow-breaking'?: boolean
}

async function runProto(operands: readonly string[], values: ProtoValues): Promise<CommandResult> {
  const [module, ...others] = operands
  const { out, lock, 'allow-breaking': allowBreaking = false } = values
  if (module === undefined || others.length > 0) throw new UsageError('proto needs one module')
  if (out === undefined) throw new UsageError('proto needs --out, the folder to write to')
  const { text, isRefused } = await writeProto({ module, out, allowBreaking, ...(lock !== undefined && { lock }) })
  return { text, errors: '', exitCode: isRefused ? 1 : 0 }
}

function done(text: string): CommandResult {
  return { text, errors: '', exitCode: 0 }
}

function isParseError(thrown: unknown): thrown is Error {
  return thrown instanceof TypeError && String(Reflect.get(thrown, 'code')).startsWith('ERR_PARSE_ARGS')
}
