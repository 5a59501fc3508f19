// Bytes as base64 (RFC 4648, standard alphabet, padded), with what browsers and Node have in common. In pieces, since a string
// of a megabyte cannot be made by one call with a million arguments.

const pieceLength = 0x6000 // a multiple of 3, so that only the last piece is padded

/** The bytes as padded standard base64. */
export function bytesToBase64(bytes: Uint8Array): string {
  let text = ''
  for (let start = 0; start < bytes.length; start += pieceLength) {
    text += btoa(String.fromCharCode(...bytes.subarray(start, start + pieceLength)))
  }
  return text
}
