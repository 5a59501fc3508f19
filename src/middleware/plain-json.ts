// Values as JSON text and back, with what JSON alone would lose (dates, bigints, bytes, undefined) kept under a mark, so that an answer
// that is given again is the one that was given first.

/** What marks an object that stands for something else: no name that a field is likely to have, and safe where one has it. */
const mark = '$tenon'
/** Deeper than any message of a transport may be. */
const maxDepth = 64

/** A value as text. Throws `TypeError` for what cannot be kept: functions, symbols, maps, sets, cycles. */
export function toText(value: unknown, options: { readonly sorted?: boolean } = {}): string {
  return JSON.stringify(plain(value, options.sorted === true, 0))
}

/** The value of a text that {@link toText} made. */
export function fromText(text: string): unknown {
  return JSON.parse(text, (_, value: unknown) => (isMarked(value) ? unmarked(value) : value))
}

function plain(value: unknown, sorted: boolean, depth: number): unknown {
  if (depth > maxDepth) throw new TypeError(`nested more than ${maxDepth} deep`)
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : { [mark]: 'number', text: String(value) }
  if (typeof value === 'bigint') return { [mark]: 'bigint', text: String(value) }
  if (value === undefined) return { [mark]: 'undefined' }
  if (typeof value !== 'object') throw new TypeError(`a ${typeof value} cannot be kept`)
  if (value instanceof Date) return { [mark]: 'date', text: String(value.getTime()) }
  if (value instanceof Uint8Array) return { [mark]: 'bytes', text: Array.from(value, hexOf).join('') }
  if (value instanceof Map || value instanceof Set) throw new TypeError('a Map or Set cannot be kept')
  if (Array.isArray(value)) return value.map(item => plain(item, sorted, depth + 1))
  const given = value as { readonly toJSON?: unknown } // any object may be asked
  if (typeof given.toJSON === 'function') return plain(given.toJSON(), sorted, depth + 1)
  const entries = Object.entries(value).filter(([, field]) => field !== undefined)
  if (sorted) entries.sort(([a], [b]) => (a < b ? -1 : 1))
  const fields = entries.map(([name, field]) => [name, plain(field, sorted, depth + 1)] as const)
  return Object.hasOwn(value, mark) ? { [mark]: 'entries', entries: fields } : Object.fromEntries(fields)
}

interface Marked {
  readonly [mark]: string
  readonly text?: string
  readonly entries?: readonly (readonly [string, unknown])[]
}

function isMarked(value: unknown): value is Marked {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, mark)
}

function unmarked({ [mark]: kind, text = '', entries = [] }: Marked): unknown {
  if (kind === 'number') return Number(text)
  if (kind === 'bigint') return BigInt(text)
  if (kind === 'date') return new Date(Number(text))
  if (kind === 'bytes') return Uint8Array.from(text.match(/../g) ?? [], pair => Number.parseInt(pair, 16))
  return kind === 'entries' ? Object.fromEntries(entries) : undefined
}

function hexOf(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

/** The SHA-256 of a text, in hex. */
export async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), hexOf).join('')
}
