// `multipart/form-data` as clients write it: RFC 7578 and 2046, and the names of the WHATWG's algorithm. Platforms have parsers, but no two
// take the same: node's refuses names without quotes, as .NET sends them, and what comes before the first part or behind the last.
import { CallError, failureOf } from '../../core/index.js'

/** One part of a form. */
export interface FormPart {
  readonly name: string
  /** Undefined for text. */
  readonly fileName: string | undefined
  /** As it was sent. */
  readonly type: string
  /** A view: of memory that others use. */
  readonly bytes: Uint8Array
}

/** The most bytes of a part's headers, as in Go's mime/multipart but smaller: there are three of them. */
const maxHeaderBytes = 16_384
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const headersEnd = encoder.encode('\r\n\r\n')
const [cr, lf, dash, space, tab] = [0x0d, 0x0a, 0x2d, 0x20, 0x09]

/**
 * The parts of a form, in time linear in its length: what is looked for begins with a CR and has no other. Throws `CallError`
 * `invalid_argument`/`MALFORMED_BODY` for what is none, by the time it gets there.
 */
export function* partsIn(body: Uint8Array, contentType: string): Generator<FormPart, void, undefined> {
  const boundary = boundaryIn(contentType)
  if (boundary === undefined) throw malformed('the content type has no boundary of 1 to 70 characters')
  const delimiter = encoder.encode(`\r\n--${boundary}`)
  let at = isAt(body, delimiter.subarray(2), 0) ? delimiter.length - 2 : after(body, delimiter, 0)
  for (;;) {
    const start = lineEnd(body, at)
    if (start === undefined) {
      if (body[at] === dash && body[at + 1] === dash) return
      at = after(body, delimiter, at) // a line that only begins as a boundary does
      continue
    }
    const headers = indexOf(body, headersEnd, start - 2) // a part may have none: then it has no name either
    if (headers === -1) throw malformed('a part of the form ends in its headers')
    const from = headers + headersEnd.length
    at = from - 2
    let end: number
    do {
      at = after(body, delimiter, at)
      end = at - delimiter.length
    } while (lineEnd(body, at) === undefined && !(body[at] === dash && body[at + 1] === dash))
    yield partOf(body.subarray(start, Math.max(start, headers)), body.subarray(from, Math.max(from, end)))
  }
}

/** The boundary that a content type names. */
function boundaryIn(contentType: string): string | undefined {
  const [, quoted, bare] = /;[\t ]*boundary=(?:"([^"]{1,70})"|([^\s;",]{1,70}))[\t ]*(?:;|$)/i.exec(contentType) ?? []
  return quoted ?? bare
}

function partOf(head: Uint8Array, bytes: Uint8Array): FormPart {
  const headers = headersIn(head)
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase() ?? 'binary'
  if (!['7bit', '8bit', 'binary'].includes(encoding)) throw malformed('a part of the form is in an encoding of its own')
  const said = parametersIn(headers.get('content-disposition') ?? '')
  const name = said?.get('name')
  if (name === undefined) throw malformed('a part of the form has no name')
  return { name, fileName: said?.get('filename'), type: headers.get('content-type') ?? 'text/plain', bytes }
}

function headersIn(head: Uint8Array): ReadonlyMap<string, string> {
  if (head.length > maxHeaderBytes) throw malformed(`the headers of a part are over ${maxHeaderBytes} bytes`)
  const headers = new Map<string, string>()
  for (const line of utf8(head).split('\r\n')) {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):([\t\P{Cc}]*)$/u.exec(line) ?? []
    if (name === undefined || value === undefined) throw malformed('a part of the form has a header that is none')
    if (headers.has(name.toLowerCase())) throw malformed(`a part of the form has '${name}' twice`)
    headers.set(name.toLowerCase(), value.trim())
  }
  return headers
}

/** The parameters of a `Content-Disposition`, `filename*` unread as RFC 7578 says; undefined where that is no form's. */
function parametersIn(value: string): ReadonlyMap<string, string> | undefined {
  const [kind = ''] = /^form-data(?=[\t ]*(?:;|$))/i.exec(value) ?? []
  if (kind === '') return undefined
  const parameters = new Map<string, string>()
  const rule = /[\t ]*;[\t ]*(?:([\w*-]+)=(?:"((?:\\"|[^"])*)"|([^\s;"]+)))?/y
  for (rule.lastIndex = kind.length; rule.lastIndex < value.length; ) {
    const match = rule.exec(value)
    if (match === null) return undefined
    const [, given, quoted, bare = ''] = match
    const name = given?.toLowerCase()
    if (name === undefined) continue // a semicolon with nothing behind it
    if (parameters.has(name)) return undefined
    parameters.set(name, quoted === undefined ? bare : unquoted(quoted))
  }
  return parameters
}

/** Browsers percent-encode three characters; others escape quotes. A backslash before anything else is one: of a path, in old browsers. */
function unquoted(text: string): string {
  return text.replace(/\\"/g, '"').replace(/%(0A|0D|22)/gi, encoded => decodeURIComponent(encoded))
}

/** Where the line of a delimiter ends that has nothing more in it; undefined for any other. */
function lineEnd(body: Uint8Array, from: number): number | undefined {
  let at = from
  while (body[at] === space || body[at] === tab) at++
  return body[at] === cr && body[at + 1] === lf ? at + 2 : undefined
}

/** Behind the next delimiter. */
function after(body: Uint8Array, delimiter: Uint8Array, from: number): number {
  const at = indexOf(body, delimiter, from)
  if (at === -1) throw malformed('the body is no multipart/form-data, or ends too early')
  return at + delimiter.length
}

function indexOf(body: Uint8Array, wanted: Uint8Array, from: number): number {
  let at = body.indexOf(cr, from)
  while (at !== -1 && !isAt(body, wanted, at)) at = body.indexOf(cr, at + 1)
  return at
}

function isAt(body: Uint8Array, wanted: Uint8Array, at: number): boolean {
  for (let i = 0; i < wanted.length; i++) if (body[at + i] !== wanted[i]) return false
  return true
}

/** The text of bytes. Throws `MALFORMED_BODY` for what is not UTF-8. */
export function utf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw malformed('the form is not UTF-8')
  }
}

/** `invalid_argument`/`MALFORMED_BODY`. */
export function malformed(message: string): CallError<never> {
  return new CallError<never>(failureOf('invalid_argument', 'MALFORMED_BODY', message))
}
