// JSON as tokens may have it: UTF-8, no name twice in an object, nothing nested for its own sake. Of two members with one name parsers
// keep the first, the last or both, so that what one part of a system checks another may not see (RFC 7515, section 4; RFC 8725, 2.6).
import { isUtf8 } from 'node:buffer'

/** How many objects and arrays there may be inside one another. */
const maxDepth = 16

/** The object that the bytes are, or what is wrong with them. `parsed`: what `JSON.parse` has made of them, for who has had it do so. */
export function strictObject(bytes: Buffer, parsed?: unknown): Readonly<Record<string, unknown>> | string {
  if (!isUtf8(bytes)) return 'is not UTF-8'
  const { names, depth } = shapeOf(bytes)
  if (depth > maxDepth) return `nests more than ${maxDepth} deep`
  let value = parsed
  try {
    value ??= JSON.parse(bytes.toString('utf8'))
  } catch {
    return 'is not JSON'
  }
  // Without a bracket it is no object, whatever a library has found by parsing the text that it is once more.
  if (depth === 0 || typeof value !== 'object' || value === null || Array.isArray(value)) return 'is no JSON object'
  if (namesIn(value) !== names) return 'has a name twice, or one that is none'
  return value as Readonly<Record<string, unknown>> // an object of JSON.parse
}

/** How many members the objects of a JSON text have together, and how deep it nests. Means nothing for what is not JSON. */
function shapeOf(text: Buffer): { readonly names: number; readonly depth: number } {
  let names = 0
  let depth = 0
  let deepest = 0
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case 0x22: // "
        at = endOfString(text, at)
        break
      case 0x3a: // :
        names++
        break
      case 0x5b: // [
      case 0x7b: // {
        deepest = Math.max(deepest, ++depth)
        break
      case 0x5d: // ]
      case 0x7d: // }
        depth--
    }
  }
  return { names, depth: deepest }
}

function endOfString(text: Buffer, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text[at]
    if (code === 0x22) return at
    if (code === 0x5c) at++ // whatever is escaped
  }
  return text.length
}

/** How many members are left once a parser has made one of those with the same name; NaN where one is called `__proto__`. */
function namesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (const each of value) count += namesIn(each)
    return count
  }
  const members = value as Readonly<Record<string, unknown>> // whatever JSON.parse makes
  for (const name of Object.keys(members)) {
    if (name === '__proto__') return Number.NaN
    count += 1 + namesIn(members[name])
  }
  return count
}
