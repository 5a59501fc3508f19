// The message in an HTTP request: fields in the path, fields in the query, the rest in the body, in the manner of
// google.api.http. Both directions, so that they cannot drift apart.
import type { HttpRule, MethodSpec } from '../../contract/index.js'
import { CallError, failureOf } from '../../core/index.js'
import { checkedJson, jsonText, parseJson, toWire } from '../json.js'
import { fromPairs, invalid } from './fields-of-text.js'
import type { WholeBody } from './message.js'
import { bytesIn, putBytes, type TypedBytes } from './raw-body.js'
import { pathOf } from './router.js'
import { sentForm } from './sent-form.js'

/** What came as the body: JSON, the bytes of one field, or the fields of a form. */
export type GivenBody = WholeBody | TypedBytes | { readonly fields: Record<string, unknown> }

/** The message that a request carries. Throws `CallError` `invalid_argument`. */
export function messageFrom(
  rule: HttpRule,
  given: { readonly params: Readonly<Record<string, string>> | undefined; readonly query: string },
  body: GivenBody,
): unknown {
  const message = fieldsIn(rule, given.query, body)
  for (const name of rule.template.names) {
    if (Object.hasOwn(message, name)) throw invalid(name, 'is in the path and must not be given again')
    const text = given.params?.[name] ?? ''
    message[name] = rule.path.get(name)?.read(text) ?? text // each name of the template is a field
  }
  return message
}

function fieldsIn(rule: HttpRule, query: string, body: GivenBody): Record<string, unknown> {
  if ('fields' in body) return body.fields
  if ('bytes' in body) return withBytes(rule, query, body)
  return rule.query === undefined ? fromBody(body) : fromQuery(rule.query, query, rule.lists)
}

function fromQuery(
  fields: NonNullable<HttpRule['query']>,
  query: string,
  lists: readonly string[],
): Record<string, unknown> {
  return fromPairs(query, { fields, lists, place: 'query' })
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

type Fields = Readonly<Record<string, unknown>>

/** The request that carries a message. Throws `CallError`, `ran: 'no'`, for one that cannot be sent. */
export function partsOf(spec: MethodSpec, message: unknown): HttpParts {
  const { http: rule } = spec
  if (rule.query === undefined && rule.path.size === 0 && rule.form === undefined)
    return { url: rule.pattern, body: jsonText(message), type: jsonType }
  const raw = rule.body === undefined ? undefined : bytesIn(rule.body, message)
  const fields = fieldsOf(rule, message)
  const url = rule.path.size === 0 ? rule.pattern : pathOf(rule.template, paramsIn(rule, fields))
  if (rule.query !== undefined) {
    const query = queryOf(fields, rule.path)
    return { url: query === '' ? url : `${url}?${query}`, body: raw?.bytes, type: raw?.type ?? jsonType }
  }
  const rest = without(fields, rule.path)
  if (rule.form !== undefined) return { url, ...sentForm(rule.form, rest, { textOf, fail: unsendable }) }
  return { url, body: JSON.stringify(rest), type: jsonType }
}

function paramsIn({ template }: HttpRule, fields: Fields): Readonly<Record<string, string>> {
  const params: Record<string, string> = {}
  for (const name of template.names) params[name] = textOf(name, fields[name])
  return params
}

function without(fields: Fields, names: HttpRule['path']): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.has(name)))
}

/** The fields as text can have them, but for bytes that are sent as such: they would become text for nothing. */
function fieldsOf({ body, form }: HttpRule, message: unknown): Fields {
  if (body === undefined && form === undefined) return asObject(toWire(message))
  const rest: [string, unknown][] = []
  const files: [string, unknown][] = []
  for (const pair of Object.entries(asObject(message))) {
    if (form?.files.has(pair[0]) === true) files.push(pair)
    else if (pair[0] !== body?.field && pair[0] !== body?.typeField) rest.push(pair)
  }
  return { ...asObject(toWire(Object.fromEntries(rest))), ...Object.fromEntries(files) }
}

function asObject(message: unknown): Fields {
  if (typeof message === 'object' && message !== null && !Array.isArray(message)) return message as Fields
  throw unsendable('', 'a message must be an object')
}

function queryOf(fields: Fields, path: HttpRule['path']): string {
  let query = ''
  for (const name of Object.keys(fields)) {
    const value = fields[name]
    if (value === undefined || value === null || path.has(name)) continue
    for (const each of Array.isArray(value) ? value : [value])
      query += `${query === '' ? '' : '&'}${encodeURIComponent(name)}=${encodeURIComponent(textOf(name, each))}`
  }
  return query
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
