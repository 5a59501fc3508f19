// Text as base64 of its UTF-8, which SkyWalking's headers are made of. Read strictly: what atob would forgive is no valid header.

const rule = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Lone surrogates become U+FFFD. */
export function toBase64(text: string): string {
  return btoa(String.fromCharCode(...encoder.encode(text)))
}

/** Undefined for what is no base64, or no UTF-8. Padding may be missing. */
export function fromBase64(base64: string): string | undefined {
  if (!rule.test(base64)) return undefined
  const bytes = Uint8Array.from(atob(base64), character => character.charCodeAt(0))
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
