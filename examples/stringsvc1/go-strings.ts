// What Go's package strings does otherwise than JavaScript's strings.

/** `strings.ToUpper`: each character by itself, so that one stays one (ß stays ß), unlike `toUpperCase`. */
export function toUpper(text: string): string {
  return text.replace(/[^\0-\x7f]|[a-z]+/gu, part => {
    const upper = part.toUpperCase()
    return part.length > 1 || [...upper].length === 1 ? upper : simpleUpper(part)
  })
}

// The letters with iota subscript have an upper case of one character (ᾳ, ᾼ); all others that `toUpperCase` spells out have none.
const iotaSubscript = /[\u1f80-\u1faf\u1fb3\u1fc3\u1ff3]/

function simpleUpper(character: string): string {
  if (!iotaSubscript.test(character)) return character
  const code = character.charCodeAt(0)
  return String.fromCharCode(code < 0x1fb0 ? code | 8 : code + 9)
}
