// Finds contracts in modules, and OpenAPI documents in files.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Described, type JsonSchema, openapi } from '../contract/index.js'
import { UsageError } from './usage-error.js'

/** The OpenAPI document in a JSON file, or of the contracts that a module exports. */
export async function loadDocument(path: string): Promise<JsonSchema> {
  if (!path.endsWith('.json')) return openapi(await loadContracts(path))
  let document: unknown
  try {
    document = JSON.parse(await readFile(path, 'utf8'))
  } catch (thrown) {
    throw new UsageError(`${path}: ${messageOf(thrown)}`)
  }
  if (!isRecord(document) || !String(document['openapi']).startsWith('3.1'))
    throw new UsageError(`${path} is not an OpenAPI 3.1 document`)
  return document
}

/** The contracts among a module's exports, in the order of their names. */
export async function loadContracts(path: string): Promise<readonly Described[]> {
  let exported: unknown
  try {
    exported = await import(pathToFileURL(resolve(path)).href)
  } catch (thrown) {
    const isUnread = isRecord(thrown) && thrown['code'] === 'ERR_UNKNOWN_FILE_EXTENSION'
    const hint = isUnread ? '; this Node needs a loader for it: node --import tsx node_modules/.bin/tenon …' : ''
    throw new UsageError(`${path}: ${messageOf(thrown)}${hint}`)
  }
  const found = new Set(Object.values(isRecord(exported) ? exported : {}).filter(isContract))
  if (found.size === 0) throw new UsageError(`${path} exports no contract`)
  return [...found].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** By its shape: a module may have a copy of Tenon of its own. */
function isContract(value: unknown): value is Described {
  return isRecord(value) && typeof value['name'] === 'string' && value['specs'] instanceof Map
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
