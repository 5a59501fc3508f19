// How deep a JSON text nests, before anything is built from it. V8 needs ten times as long for a megabyte of opening brackets as for
// one of data, and other engines recurse; but reading every character costs as much as parsing, so only odd texts are read.

/** How many objects and arrays a message may have inside one another, on either side of the wire. */
export const maxJsonDepth = 64

/** So many levels are parsed in a millisecond, and found to be too many afterwards. */
const maxCheapOpeners = 8192

/** Whether a text that nests far too deep should not even be parsed. One within the limit, or not far above it, should. */
export function isAbyss(text: string): boolean {
  return text.length > maxCheapOpeners && openersIn(text, maxCheapOpeners) > maxCheapOpeners && reachesTooDeep(text)
}

/** How many `{` and `[` a text has, in strings as well; counts to a little over `enough`. */
export function openersIn(text: string, enough: number): number {
  let count = 0
  for (const opener of ['{', '[']) {
    for (let at = text.indexOf(opener); at !== -1 && count <= enough; at = text.indexOf(opener, at + 1)) count++
  }
  return count
}

function reachesTooDeep(text: string): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        at = endOfString(text, at)
        break
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > maxJsonDepth) return true
        break
      case 0x5d: // ]
      case 0x7d: // }
        depth--
    }
  }
  return false
}

/** Where the string that opens at `start` closes; beyond the text if it does not. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x22) return at
    if (code === 0x5c) at++ // whatever is escaped
  }
  return text.length
}
