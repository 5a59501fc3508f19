// Fields that came as text, by name: of a query, or of a form. How many there may be, what may be given twice, and what no field may
// be called is the same for both.
import type { TextField } from '../../contract/index.js'
import { CallError, failureOf } from '../../core/index.js'

/** The most fields that a query or a form may have. */
export const maxFields = 1000

/** `invalid_argument`/`INVALID_REQUEST` for one field; for all where the path is empty. */
export function invalid(path: string, message: string): CallError<never> {
  return new CallError<never>(
    failureOf('invalid_argument', 'INVALID_REQUEST', path === '' ? message : `${path}: ${message}`, {
      details: { issues: [{ path, message }] },
    }),
  )
}

/** Which fields there are, and where they are from. */
export interface TextFields {
  readonly fields: ReadonlyMap<string, TextField>
  /** Those that are empty where they are not given. */
  readonly lists: readonly string[]
  /** For what is wrong as a whole. */
  readonly place: 'query' | 'form'
}

/** The fields in `a=1&b=2`. Throws {@link invalid}. */
export function fromPairs(text: string, { fields, lists, place }: TextFields): Record<string, unknown> {
  const message = emptyLists(lists)
  if (text === '') return message
  for (const [name, value] of pairsIn(text, place)) {
    const field = fields.get(name)
    put(message, name, { value: field === undefined ? value : field.read(value), repeated: field?.repeated === true })
  }
  return message
}

/** A message with nothing but its lists. */
export function emptyLists(lists: readonly string[]): Record<string, unknown> {
  return lists.length === 0 ? {} : Object.fromEntries(lists.map(name => [name, []]))
}

/** Adds a field that was given. Throws {@link invalid} for one that may not be given twice, or at all. */
export function put(
  message: Record<string, unknown>,
  name: string,
  { value, repeated }: { readonly value: unknown; readonly repeated: boolean },
): void {
  if (name === '__proto__') throw invalid(name, 'is no field')
  const before = Object.hasOwn(message, name) ? message[name] : undefined
  if (repeated && Array.isArray(before)) before.push(value)
  else if (before !== undefined) throw invalid(name, 'is given twice')
  else message[name] = repeated ? [value] : value
}

function* pairsIn(text: string, place: TextFields['place']): Generator<[name: string, value: string]> {
  const parts = text.split('&', maxFields + 1)
  if (parts.length > maxFields) throw invalid('', `the ${place} has more than ${maxFields} fields`) // empty ones count, too
  for (const part of parts) {
    if (part === '') continue
    const equals = part.indexOf('=')
    if (equals === -1) yield [decoded(part, place), '']
    else yield [decoded(part.slice(0, equals), place), decoded(part.slice(equals + 1), place)]
  }
}

function decoded(text: string, place: TextFields['place']): string {
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '))
    if (!decoded.includes('\0')) return decoded
  } catch {
    // said below
  }
  throw invalid('', `the ${place} holds ${JSON.stringify(text.slice(0, 40))}, which is not percent-encoded UTF-8`)
}
