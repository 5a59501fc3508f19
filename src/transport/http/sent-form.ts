// A form as a client of ours sends it, as browsers write one: the WHATWG's "multipart/form-data encoding algorithm".
import { type FormRule, formTypes } from '../../contract/form-rule.js'
import { joined } from './joined.js'
import { toBytes } from './raw-body.js'

/** A form's body and its type. */
export interface SentForm {
  readonly body: string | Uint8Array
  readonly type: string
}

/** What can be wrong with a field: thrown by the caller's own `fail`. */
export interface FormText {
  /** A value as text. Throws for one that has none. */
  textOf(name: string, value: unknown): string
  /** What is thrown for a field that is no file. */
  fail(name: string, message: string): Error
}

const encoder = new TextEncoder()

/** The body of a form. `fields` are those that are not in the path; a file's bytes may be base64. */
export function sentForm(
  { kind, files }: FormRule,
  fields: Readonly<Record<string, unknown>>,
  { textOf, fail }: FormText,
): SentForm {
  const pairs = pairsOf(fields)
  if (kind === 'urlencoded') {
    const text = pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(textOf(name, value))}`)
    return { body: text.join('&'), type: formTypes.urlencoded }
  }
  const boundary = newBoundary()
  const pieces = pairs.flatMap(([name, value]) => {
    const head = `--${boundary}\r\ncontent-disposition: form-data; name="${quoted(name)}"`
    const file = files.get(name)
    if (file === undefined) return [encoder.encode(`${head}\r\n\r\n${textOf(name, value)}\r\n`)]
    const { content, fileName, type } = fileIn(value, file.named)
    const bytes = toBytes(content)
    if (bytes === undefined) throw fail(name, 'is neither bytes nor base64')
    if (!typeRule.test(type)) throw fail(name, 'has no content type that can be sent')
    return [encoder.encode(`${head}; filename="${quoted(fileName)}"\r\ncontent-type: ${type}\r\n\r\n`), bytes, lineEnd]
  })
  return {
    body: joined([...pieces, encoder.encode(`--${boundary}--\r\n`)]),
    type: `${formTypes.multipart}; boundary=${boundary}`,
  }
}

/** Not a UUID: browsers make those on secure pages only. */
function newBoundary(): string {
  const random = crypto.getRandomValues(new Uint8Array(16))
  return `tenon-${Array.from(random, byte => byte.toString(16).padStart(2, '0')).join('')}`
}

const lineEnd = encoder.encode('\r\n')
const typeRule = /^[\t\x20-\x7e]+$/

function pairsOf(fields: Readonly<Record<string, unknown>>): readonly (readonly [string, unknown])[] {
  return Object.entries(fields).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value])
      .filter(each => each !== undefined && each !== null)
      .map(each => [name, each] as const),
  )
}

function fileIn(
  value: unknown,
  named: boolean,
): { readonly content: unknown; readonly fileName: string; readonly type: string } {
  const unknownType = 'application/octet-stream'
  if (!named || typeof value !== 'object' || value === null)
    return { content: value, fileName: 'file', type: unknownType }
  const { content, name, type }: { content?: unknown; name?: unknown; type?: unknown } = value
  return {
    content,
    fileName: typeof name === 'string' ? name : 'file',
    type: typeof type === 'string' && type !== '' ? type : unknownType,
  }
}

/** As browsers write names: what would end the line or the quotes is percent-encoded, and nothing else. */
function quoted(name: string): string {
  return name.replaceAll('\r', '%0D').replaceAll('\n', '%0A').replaceAll('"', '%22')
}
