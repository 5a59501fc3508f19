// InfluxDB's line protocol: `name,tag=value field=1,other=2 1700000000000`. Escaped as its reference has it; what cannot be escaped, a
// line break or a backslash at the end, becomes `_`.

/** A line. Tags with an empty value are left out, as the protocol has none. */
export function lineOf(
  name: string,
  labels: Readonly<Record<string, string>>,
  { fields, timeMs }: { readonly fields: Readonly<Record<string, number>>; readonly timeMs: number },
): string {
  const tags = Object.entries(labels)
    .filter(([, value]) => value !== '')
    .map(([tag, value]) => `,${tag}=${escaped(value)}`)
  const numbers = Object.entries(fields).map(([field, value]) => `${field}=${value}`)
  return `${name}${tags.join('')} ${numbers.join(',')} ${timeMs}`
}

function escaped(value: string): string {
  return value.replace(/\p{Cc}|\\$/gu, '_').replace(/[,= ]/g, '\\$&')
}
