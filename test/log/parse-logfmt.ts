/** Reads logfmt as strictly as the notation allows, so that whatever the logger writes and this refuses is a mistake. */

/** The pairs of one line, in order. Throws where the line is anything but `name=value name="value" …`. */
export function parseLogfmt(line: string): readonly (readonly [string, string])[] {
  const pairs: [string, string][] = []
  let rest = line
  do {
    const found =
      /^([!#-<>-[\]-~]+)=(?:([!#-<>-[\]-~]+)|("(?:[^"\\\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|\\["\\nrtbf]|\\u[0-9a-f]{4})*"))( |$)/u.exec(
        rest,
      )
    if (found === null) throw new SyntaxError(`not logfmt: ${JSON.stringify(rest)}`)
    const [all, name = '', bare, inQuotes = '', end] = found
    pairs.push([name, bare ?? String(JSON.parse(inQuotes))])
    rest = rest.slice(all.length)
    if (end === ' ' && rest === '') throw new SyntaxError('a space at the end')
  } while (rest !== '')
  return pairs
}
