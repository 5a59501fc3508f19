// tenon proto: writes the .proto files of contracts, and the lock that keeps the numbers of their fields. Writes all of it or nothing:
// what breaks old clients is refused, with a reason each, unless it is asked for.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type ProtoBreak, type ProtoFiles, type ProtoLock, proto } from '../contract/index.js'
import { loadContracts } from './load.js'
import { UsageError } from './usage-error.js'

/** What the command line says. */
export interface ProtoCommand {
  /** Exports the contracts. */
  readonly module: string
  /** The folder that the packages' folders are in. */
  readonly out: string
  /** @defaultValue `proto.lock.json` in `out` */
  readonly lock?: string
  readonly allowBreaking: boolean
}

/** What it came to: what it wrote, or why it wrote nothing. */
export interface ProtoResult {
  readonly text: string
  readonly isRefused: boolean
}

/** Writes the files. Rejects with {@link UsageError} for a lock that is none and for contracts that have no place in a .proto. */
export async function writeProto({ module, out, lock: given, allowBreaking }: ProtoCommand): Promise<ProtoResult> {
  const lockPath = given ?? join(out, 'proto.lock.json')
  const old = await readLock(lockPath)
  const { files, lock, breaks } = made(await loadContracts(module), old)
  if (breaks.length > 0 && !allowBreaking) return { text: refusal(breaks), isRefused: true }
  // The lock first: numbers that were given and not kept could be given again.
  await write(lockPath, `${JSON.stringify(lock, null, 2)}\n`)
  for (const { path, text } of files) await write(join(out, path), text)
  const paths = [...files.map(({ path }) => join(out, path)), lockPath]
  return { text: paths.map(path => `${path}\n`).join(''), isRefused: false }
}

function made(contracts: Parameters<typeof proto>[0], lock: ProtoLock | undefined): ProtoFiles {
  try {
    return proto(contracts, lock === undefined ? {} : { lock })
  } catch (thrown) {
    throw thrown instanceof TypeError ? new UsageError(thrown.message) : thrown
  }
}

function refusal(breaks: readonly ProtoBreak[]): string {
  const lines = breaks.map(({ where, reason }) => `  ${where} ${reason}\n`)
  const count = breaks.length === 1 ? '1 breaking change' : `${breaks.length} breaking changes`
  return `Breaking, for every caller\n${lines.join('')}\n${count}: nothing was written (--allow-breaking writes all the same)\n`
}

/** By way of another name, so that a file is there whole or not at all. */
async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}

async function readLock(path: string): Promise<ProtoLock | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (thrown) {
    if (Reflect.get(Object(thrown), 'code') === 'ENOENT') return undefined // the first run
    throw new UsageError(`${path}: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
  }
  const lock = parsed(text)
  if (isLock(lock)) return lock
  throw new UsageError(`${path} is no lock that tenon proto made`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type Test = (value: unknown) => boolean

const isText: Test = value => typeof value === 'string'
const isNumber: Test = value => Number.isInteger(value) && Number(value) > 0
const isMapOf =
  (test: Test): Test =>
  value =>
    isObject(value) && Object.values(value).every(test)
const isField: Test = value =>
  isObject(value) && isNumber(value['number']) && isText(value['type']) && isText(value['json'])
const isReserved: Test = value =>
  isObject(value) && isNumber(value['number']) && (value['name'] === undefined || isText(value['name']))
const isMessage: Test = value =>
  isObject(value) &&
  isMapOf(isField)(value['fields']) &&
  Array.isArray(value['reserved']) &&
  value['reserved'].every(isReserved)
const isMethod: Test = value => isObject(value) && isText(value['request']) && isText(value['response'])

function isLock(value: unknown): value is ProtoLock {
  if (!isObject(value) || typeof value['version'] !== 'number') return false
  return isMapOf(isMessage)(value['messages']) && isMapOf(isMapOf(isMethod))(value['services'])
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
