// The secrets that a caller sent with a call, by value: a handler or a library may repeat one in a message, where it looks like any other
// text and only who knows it can tell. Looked for when a call has failed, never before.
import { type Context, cookiesOf, isSecretName } from '../core/index.js'
import { redacted } from '../core/redaction.js'
import { ErrorData } from '../log/index.js'

// Shorter values occur in words; more than these a call has no reason to bring.
const shortest = 4
const most = 50
const maxDepth = 4
const maxFields = 200
const maxCauses = 5

/** What replaces each of the caller's secrets in a text. `undefined` where it sent none. */
export type Hiding = (text: string) => string

/** Knows the values of secrets in the metadata and in the fields of the request. */
export function hidingSecretsOf(context: Context, request: unknown): Hiding | undefined {
  const found = new Set<string>()
  for (const [name, value] of context.metadata) {
    if (!isSecretName(name)) continue
    found.add(value)
    const credentials = value.slice(value.indexOf(' ') + 1) // after the scheme
    found.add(credentials)
    if (/^basic /i.test(value)) found.add(passwordIn(credentials))
  }
  for (const value of cookiesOf(context).values()) found.add(value)
  collect(request, found)
  const secrets = [...found]
    .filter(({ length }) => length >= shortest)
    .sort((a, b) => b.length - a.length)
    .slice(0, most)
  if (secrets.length === 0) return undefined
  return text => secrets.reduce((left, secret) => left.replaceAll(secret, redacted), text)
}

/** The password of Basic credentials, as whoever has read them knows it. */
function passwordIn(credentials: string): string {
  try {
    const pair = utf8.decode(Uint8Array.from(atob(credentials), character => character.charCodeAt(0)))
    return pair.slice(pair.indexOf(':') + 1)
  } catch {
    return '' // no base64
  }
}

const utf8 = new TextDecoder()

function collect(request: unknown, into: Set<string>): void {
  let left = maxFields
  const visit = (value: unknown, isSecret: boolean, depth: number): void => {
    if (typeof value === 'string' && isSecret) into.add(value)
    if (typeof value !== 'object' || value === null || depth > maxDepth || Symbol.asyncIterator in value) return
    for (const [name, each] of Object.entries(value)) {
      if (left-- <= 0) return
      visit(each, isSecret || isSecretName(name), depth + 1)
    }
  }
  visit(request, false, 0)
}

/** An error, a text, or data, without the caller's secrets; all else as it is. Never throws. */
export function withoutSecrets(value: unknown, hide: Hiding): unknown {
  let left = maxFields
  const visit = (each: unknown, depth: number): unknown => {
    if (typeof each === 'string') return hide(each)
    if (typeof each !== 'object' || each === null) return each
    if (depth > maxCauses || left-- <= 0) return '[more]' // as it is, it may have a secret
    try {
      return objectWithoutSecrets(each, hide, within => visit(within, depth + 1))
    } catch {
      return '[unreadable]' // a Proxy may refuse to be looked at
    }
  }
  return visit(value, 0)
}

function objectWithoutSecrets(value: object, hide: Hiding, within: (each: unknown) => unknown): unknown {
  if (value instanceof Error) return errorWithoutSecrets(value, hide, within)
  if (Array.isArray(value)) return value.slice(0, maxFields).map(within)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const names = Object.keys(value).slice(0, maxFields)
  return Object.fromEntries(names.map(name => [name, within(read(value, name))]))
}

function errorWithoutSecrets(error: Error, hide: Hiding, within: (each: unknown) => unknown): ErrorData {
  const text = (name: string): string | undefined => {
    const found = read(error, name)
    return typeof found === 'string' ? hide(found) : undefined
  }
  const [stack, code, cause, errors] = [text('stack'), read(error, 'code'), read(error, 'cause'), read(error, 'errors')]
  return Object.assign(new ErrorData(text('name') ?? 'Error', text('message') ?? ''), {
    ...(stack !== undefined && { stack }),
    ...(code !== undefined && { code: within(code) }),
    ...(cause !== undefined && { cause: within(cause) }),
    ...(Array.isArray(errors) && { errors: within(errors) }),
  })
}

function read(from: object, name: string): unknown {
  try {
    return Reflect.get(from, name)
  } catch {
    return undefined
  }
}
