// A field's place in a message, as `items[3].sku`: for people, in failures that are sent to the peer and logged. The names may
// be the peer's own, so little of them is repeated, and nothing that could break a line or an encoder.

const maxPathLength = 40

/** The path that `keys` lead along, made printable and cut to 40 characters; `''` where there are none. */
export function fieldPath(keys: readonly (string | number)[]): string {
  let path = ''
  for (const key of keys) {
    if (typeof key === 'number') path += `[${key}]`
    else path += `${path === '' ? '' : '.'}${key.slice(0, maxPathLength + 1)}`
    if (path.length > maxPathLength) break
  }
  return printable(path, maxPathLength)
}

/** At most `maxLength` characters of `text`, with `?` for control characters and halves of surrogate pairs. */
function printable(text: string, maxLength: number): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text
  return cut.replace(/[\p{Cc}\p{Cs}]/gu, '?')
}
