// Text that cannot leave its place in a line. A message with a line break forges an entry, one with an ANSI escape rewrites
// the reader's terminal (CWE-117, CWE-150), and a bidi override shows another text than the one searched for (CVE-2021-42574).
import { latePattern } from './late.js'

// Controls (C0, DEL, C1 with its one-character CSI), format characters (bidi, zero width), U+2028/9, lone surrogates.
const unsafe = latePattern(String.raw`[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]`, 'gu')

/** The same text with characters that are not to be printed as `\u001b`. For a terminal: quotes and backslashes stay. */
export function escaped(text: string): string {
  return text.replace(unsafe(), unicodeEscapes)
}

/** The text as a JSON string that is safe to print; it reads back as the very same text. */
export function quoted(text: string): string {
  return escapedJson(JSON.stringify(text))
}

/** JSON text made safe to print, with the same meaning. */
export function escapedJson(json: string): string {
  return json.replace(unsafe(), unicodeEscapes) // such characters occur in JSON's strings only
}

const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function unicodeEscapes(character: string): string {
  const short = shortEscapes[character]
  if (short !== undefined) return short
  let escapes = ''
  for (let at = 0; at < character.length; at++)
    escapes += `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`
  return escapes
}
