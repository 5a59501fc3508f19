// Anything that was thrown, as text for stderr: without secrets, and unable to pass for a line of somebody else. Not what
// `console.error` shows: of an error with a request inside that would be the request, its credentials included.
import { escaped } from './escape.js'
import { redactedText } from './redaction.js'

const maxCauses = 5
const longest = 16_000

/** The stack, the code and the causes; each line but the first is indented. Never throws. */
export function errorText(thrown: unknown): string {
  const parts: string[] = []
  let each = thrown
  for (let depth = 0; depth <= maxCauses; depth++) {
    parts.push(`${depth === 0 ? '' : 'caused by '}${ownText(each)}`)
    each = read(each, 'cause')
    if (each === undefined || each === null) break
  }
  const [first = '', ...rest] = redactedText(parts.join('\n').slice(0, longest)).split('\n')
  return [first, ...rest.map(line => (line.startsWith('    ') ? line : `    ${line}`))].map(escaped).join('\n')
}

function ownText(thrown: unknown): string {
  const [stack, code] = [read(thrown, 'stack'), read(thrown, 'code')]
  const text = typeof stack === 'string' && stack !== '' ? stack : asText(thrown)
  return typeof code === 'string' || typeof code === 'number' ? `${text}\n    code: ${code}` : text
}

function read(from: unknown, name: string): unknown {
  try {
    return typeof from === 'object' && from !== null ? Reflect.get(from, name) : undefined
  } catch {
    return undefined // a Proxy may refuse to be looked at
  }
}

function asText(value: unknown): string {
  try {
    return typeof value === 'object' && value !== null ? (JSON.stringify(value) ?? String(value)) : String(value)
  } catch {
    return '[unreadable]'
  }
}
