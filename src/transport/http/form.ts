// A form as it came in: the platform's own parser reads `multipart/form-data`, since browsers, node and edge runtimes all have one that
// is kept well. What it does not bound or say is checked here: how many parts there are, and whether text is UTF-8.
import type { FormRule } from '../../contract/index.js'
import { CallError, failureOf } from '../../core/index.js'
import { emptyLists, fromPairs, invalid, maxFields, put } from './fields-of-text.js'

/** A file as the platform's parser gives it. */
interface GivenFile {
  readonly name: string
  readonly type: string
  readonly size: number
  arrayBuffer(): Promise<ArrayBuffer>
}

/** The fields of a form that has come in whole. Rejects with `CallError`: `MALFORMED_BODY`, `INVALID_REQUEST`. */
export async function readForm(
  rule: FormRule,
  body: Uint8Array,
  contentType: string,
): Promise<Record<string, unknown>> {
  const { kind, texts, lists } = rule
  if (kind === 'urlencoded') return fromPairs(utf8(body), { fields: texts, lists, place: 'form' })
  const message = emptyLists(lists)
  const parts = await partsOf(body, contentType)
  let isUtf8: boolean | undefined
  for (const [name, value] of parts) {
    if (typeof value !== 'string') {
      await putFile(rule, message, [name, value])
      continue
    }
    // The parser writes U+FFFD for what is not UTF-8. Where the body holds none itself, it was that: looked for once.
    if (value.includes(replacement)) isUtf8 ??= holdsReplacement(body)
    if (isUtf8 === false) throw malformed('the form is not UTF-8')
    putText(rule, message, [name, value])
  }
  return message
}

function putText({ texts, files }: FormRule, message: Record<string, unknown>, [name, value]: [string, string]): void {
  if (files.has(name)) throw invalid(name, 'must be a file: a part with a filename')
  if (value.includes('\0')) throw malformed('the form has a NUL in its text')
  const text = texts.get(name)
  put(message, name, { value: text === undefined ? value : text.read(value), repeated: text?.repeated === true })
}

async function putFile(
  { files }: FormRule,
  message: Record<string, unknown>,
  [name, value]: [string, GivenFile],
): Promise<void> {
  const file = files.get(name)
  if (file === undefined) throw invalid(name, 'must be text, not a file')
  if (value.name === '' && value.size === 0) return // what a browser sends where nobody chose one
  const content = new Uint8Array(await value.arrayBuffer())
  const given = file.named ? { name: fileName(name, value.name), type: value.type, content } : content
  put(message, name, { value: given, repeated: file.repeated })
}

async function partsOf(body: Uint8Array, contentType: string): Promise<Iterable<[string, string | GivenFile]>> {
  const boundary = boundaryIn(contentType)
  if (boundary === undefined) throw malformed('the content type has no boundary of 1 to 70 characters')
  if (timesIn(body, `--${boundary}`) > maxFields + 1) throw invalid('', `the form has more than ${maxFields} parts`)
  try {
    // Of a view's own bytes: what came over a socket is a part of memory that others use.
    return await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData()
  } catch {
    throw malformed('the body is no multipart/form-data, or ends too early')
  }
}

function boundaryIn(contentType: string): string | undefined {
  const [, quoted, bare] = /;[\t ]*boundary=(?:"([^"]{1,70})"|([^\s;",]{1,70}))[\t ]*(?:;|$)/i.exec(contentType) ?? []
  return quoted ?? bare
}

/** How often a text of ASCII is in a body, counted to a little over what is allowed. */
function timesIn(body: Uint8Array, text: string): number {
  const wanted = new TextEncoder().encode(text)
  let count = 0
  for (let at = body.indexOf(0x2d); at !== -1 && count <= maxFields + 1; at = body.indexOf(0x2d, at + 1)) {
    let length = 1
    while (length < wanted.length && body[at + length] === wanted[length]) length++
    if (length === wanted.length) count++
  }
  return count
}

const replacement = '\ufffd'

function holdsReplacement(body: Uint8Array): boolean {
  for (let at = body.indexOf(0xef); at !== -1; at = body.indexOf(0xef, at + 1)) {
    if (body[at + 1] === 0xbf && body[at + 2] === 0xbd) return true
  }
  return false
}

/** The last part of a path, as browsers of old sent whole ones; never one that leads elsewhere. */
function fileName(field: string, given: string): string {
  const name = given.slice(Math.max(given.lastIndexOf('/'), given.lastIndexOf('\\')) + 1)
  const isSafe = name !== '' && name !== '.' && name !== '..' && name.length <= 255 && ![...name].some(isControl)
  if (!isSafe || name.includes(replacement)) throw invalid(field, 'has a filename that is none')
  return name
}

function isControl(letter: string): boolean {
  const code = letter.codePointAt(0) ?? 0
  return code < 0x20 || (code >= 0x7f && code < 0xa0)
}

function utf8(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    throw malformed('the form is not UTF-8')
  }
}

function malformed(message: string): CallError<never> {
  return new CallError<never>(failureOf('invalid_argument', 'MALFORMED_BODY', message))
}
