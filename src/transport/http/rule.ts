// The message in an HTTP request: fields in the path, fields in the query, the rest in the body, in the manner of
// google.api.http. Both directions, so that they cannot drift apart.
import type { HttpRule, MethodSpec, RawField } from '../../contract/index.js'
import { CallError, failureOf } from '../../core/index.js'
import { checkedJson, jsonText, parseJson, toWire } from '../json.js'
import type { WholeBody } from './message.js'
import { bytesIn, putBytes, type TypedBytes } from './raw-body.js'
import { pathOf } from './router.js'

function invalid(path: string, message: string): CallError<never> {
  return new CallError<never>(
    failureOf('invalid_argument', 'INVALID_REQUEST', path === '' ? message : `${path}: ${message}`, {
      details: { issues: [{ path, message }] },
    }),
  )
}

/** The most fields that a query may have. */
const maxQueryFields = 1000

/** The message that a request carries. Throws `CallError` `invalid_argument`. */
export function messageFrom(
  rule: HttpRule,
  given: { readonly params: Readonly<Record<string, string>> | undefined; readonly query: string },
  body: WholeBody | TypedBytes,
): unknown {
  const message = 'bytes' in body ? withBytes(rule, given.query, body) : withoutRaw(rule, given.query, body)
  for (const name of rule.template.names) {
    if (Object.hasOwn(message, name)) throw invalid(name, 'is in the path and must not be given again')
    const text = given.params?.[name] ?? ''
    message[name] = rule.path.get(name)?.read(text) ?? text // each name of the template is a field
  }
  return message
}

function withoutRaw(rule: HttpRule, query: string, body: WholeBody): Record<string, unknown> {
  return rule.query === undefined ? fromBody(body) : fromQuery(rule.query, query, rule.lists)
}

function withBytes(
  { query: fields, lists, body: raw }: HttpRule,
  query: string,
  body: TypedBytes,
): Record<string, unknown> {
  const message = fields === undefined ? {} : fromQuery(fields, query, lists)
  if (raw === undefined) return message
  for (const name of [raw.field, raw.typeField])
    if (name !== undefined && Object.hasOwn(message, name))
      throw invalid(name, 'is in the body and must not be given again')
  putBytes(raw, message, body)
  return message
}

function fromBody(body: WholeBody): Record<string, unknown> {
  if (body.text === '') return {}
  const value = body.text === undefined ? checkedJson(body.value) : parseJson(body.text)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('', 'the body must be a JSON object')
  // A value that was parsed before is somebody else's, too, and what is in the path is about to be added.
  return (body.text === undefined ? { ...value } : value) as Record<string, unknown> // an object, as just seen
}

function fromQuery(
  fields: NonNullable<HttpRule['query']>,
  query: string,
  lists: readonly string[],
): Record<string, unknown> {
  const message: Record<string, unknown> = {}
  for (const name of lists) message[name] = []
  if (query === '') return message
  let count = 0
  for (const [name, text] of parametersOf(query)) {
    if (++count > maxQueryFields) throw invalid('', `the query has more than ${maxQueryFields} fields`)
    if (name === '__proto__') throw invalid(name, 'is no field')
    const field = fields.get(name)
    const value = field === undefined ? text : field.read(text)
    const before = Object.hasOwn(message, name) ? message[name] : undefined
    if (field?.repeated === true)
      message[name] = before === undefined ? [value] : [...(before as unknown[]), value] // made here
    else if (before !== undefined) throw invalid(name, 'is given twice')
    else message[name] = value
  }
  return message
}

function* parametersOf(query: string): Generator<[name: string, text: string]> {
  for (const part of query.split('&', maxQueryFields + 2)) {
    if (part === '') continue
    const equals = part.indexOf('=')
    yield equals === -1 ? [decoded(part), ''] : [decoded(part.slice(0, equals)), decoded(part.slice(equals + 1))]
  }
}

function decoded(text: string): string {
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '))
    if (!decoded.includes('\0')) return decoded
  } catch {
    // said below
  }
  throw invalid('', `the query holds ${JSON.stringify(text.slice(0, 40))}, which is not percent-encoded UTF-8`)
}

/** What a client sends. */
export interface HttpParts {
  /** Path and query. */
  readonly url: string
  /** Undefined where the method has no body. */
  readonly body: string | Uint8Array | undefined
  /** The body's `Content-Type`. */
  readonly type: string
}

const jsonType = 'application/json'

/** The request that carries a message. Throws `CallError`, `ran: 'no'`, for one that cannot be sent. */
export function partsOf(spec: MethodSpec, message: unknown): HttpParts {
  const { http: rule } = spec
  if (rule.query === undefined && rule.path.size === 0)
    return { url: rule.pattern, body: jsonText(message), type: jsonType }
  const raw = rule.body === undefined ? undefined : bytesIn(rule.body, message)
  const rest = { ...asObject(toWire(rule.body === undefined ? message : withoutBytes(rule.body, message))) }
  const params: Record<string, string> = {}
  for (const name of rule.path.keys()) {
    params[name] = textOf(name, rest[name])
    delete rest[name]
  }
  const url = rule.path.size === 0 ? rule.pattern : pathOf(rule.template, params)
  if (rule.query === undefined) return { url, body: JSON.stringify(rest), type: jsonType }
  const query = queryOf(rest)
  return { url: query === '' ? url : `${url}?${query}`, body: raw?.bytes, type: raw?.type ?? jsonType }
}

/** The other fields: bytes would become text for nothing. */
function withoutBytes({ field, typeField }: RawField, message: unknown): Record<string, unknown> {
  const fields = Object.entries(asObject(message))
  return Object.fromEntries(fields.filter(([name]) => name !== field && name !== typeField))
}

function asObject(message: unknown): Record<string, unknown> {
  if (typeof message === 'object' && message !== null && !Array.isArray(message))
    return message as Record<string, unknown>
  throw unsendable('', 'a message must be an object')
}

function queryOf(fields: Readonly<Record<string, unknown>>): string {
  const parts: string[] = []
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue
    for (const each of Array.isArray(value) ? value : [value])
      parts.push(`${encodeURIComponent(name)}=${encodeURIComponent(textOf(name, each))}`)
  }
  return parts.join('&')
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw unsendable(name, value === undefined ? 'is missing' : 'cannot be written as text')
}

function unsendable(path: string, message: string): CallError<never> {
  return new CallError<never>(
    failureOf('invalid_argument', 'INVALID_REQUEST', path === '' ? message : `${path}: ${message}`, {
      ran: 'no',
      details: { issues: [{ path, message }] },
    }),
  )
}
