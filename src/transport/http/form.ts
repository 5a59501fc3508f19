// The fields of a form as it came in: texts, read as those of a query are, and files.
import type { FormRule } from '../../contract/index.js'
import { emptyLists, fromPairs, invalid, maxFields, put } from './fields-of-text.js'
import { type FormPart, malformed, partsIn, utf8 } from './multipart.js'

/** The fields of a form that has come in whole. Throws `CallError`: `MALFORMED_BODY`, `INVALID_REQUEST`. */
export function readForm(rule: FormRule, body: Uint8Array, contentType: string): Record<string, unknown> {
  const { kind, texts, lists } = rule
  if (kind === 'urlencoded') return fromPairs(utf8(body), { fields: texts, lists, place: 'form' })
  const message = emptyLists(lists)
  let count = 0
  for (const part of partsIn(body, contentType)) {
    if (++count > maxFields) throw invalid('', `the form has more than ${maxFields} parts`)
    if (part.fileName === undefined) putText(rule, message, part)
    else putFile(rule, message, part, part.fileName)
  }
  return message
}

function putText({ texts, files }: FormRule, message: Record<string, unknown>, { name, bytes }: FormPart): void {
  if (files.has(name)) throw invalid(name, 'must be a file: a part with a filename')
  const value = utf8(bytes)
  if (value.includes('\0')) throw malformed('the form has a NUL in its text')
  const text = texts.get(name)
  put(message, name, { value: text === undefined ? value : text.read(value), repeated: text?.repeated === true })
}

function putFile(
  { files }: FormRule,
  message: Record<string, unknown>,
  { name, type, bytes }: FormPart,
  given: string,
): void {
  const file = files.get(name)
  if (file === undefined) throw invalid(name, 'must be text, not a file')
  if (given === '' && bytes.length === 0) return // what a browser sends where nobody chose one
  const content = new Uint8Array(bytes) // a copy: what came over a socket is a part of memory that others use
  const value = file.named ? { name: fileName(name, given), type, content } : content
  put(message, name, { value, repeated: file.repeated })
}

/** The last part of a path, as browsers of old sent whole ones; never one that leads elsewhere. */
function fileName(field: string, given: string): string {
  const name = given.slice(Math.max(given.lastIndexOf('/'), given.lastIndexOf('\\')) + 1)
  const isSafe = name !== '' && name !== '.' && name !== '..' && name.length <= 255 && ![...name].some(isControl)
  if (!isSafe) throw invalid(field, 'has a filename that is none')
  return name
}

function isControl(letter: string): boolean {
  const code = letter.codePointAt(0) ?? 0
  return code < 0x20 || (code >= 0x7f && code < 0xa0)
}
