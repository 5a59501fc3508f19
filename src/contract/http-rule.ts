// Where the fields of a method's messages are over HTTP: in the path, in the query, in the body, or one of them as the body. Worked
// out once, when the contract is made, so that what cannot be written there is refused by name.
import { fieldsOf, requiredOf, type TextField, textField } from './fields.js'
import { type FormRule, formRule } from './form-rule.js'
import type { JsonSchema } from './json-schema.js'
import type { HttpBinding } from './method.js'
import { type PathPattern, parsePattern } from './path-pattern.js'
import { type RawField, rawField } from './raw-field.js'

/** How a method is reached over HTTP. */
export interface HttpRule {
  readonly verb: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'
  /** `/orders/{id}` */
  readonly pattern: string
  /** The same, taken apart. */
  readonly template: PathPattern
  /** The status of a success. */
  readonly status: number
  /** The request's fields that are in the path, by name. */
  readonly path: ReadonlyMap<string, TextField>
  /** The lists among the query's fields that a message must have: nothing in the query means that they are empty. */
  readonly lists: readonly string[]
  /** Those in the query; undefined where everything that is not in the path is the body. */
  readonly query: ReadonlyMap<string, TextField> | undefined
  /** The field that is the request's body; undefined where the body is JSON, or there is none. */
  readonly body: RawField | undefined
  /** The field that is the response's body; undefined where that is JSON. */
  readonly responseBody: RawField | undefined
  /** The form that the request's body is; undefined where it is none. */
  readonly form: FormRule | undefined
  /** The most bytes of a request's body; undefined for as many as the server takes of any. */
  readonly maxBodyBytes: number | undefined
}

const verbs = ['get', 'put', 'post', 'patch', 'delete'] as const

/** What a rule needs to know of a message. */
export interface Carried {
  readonly streamed: boolean
  readonly jsonSchema: JsonSchema | undefined
}

/** How a method is reached. Throws `TypeError`, saying where, for what HTTP cannot carry like that. */
export function httpRule(
  where: string,
  binding: HttpBinding,
  { request, response }: { readonly request: Carried; readonly response: Carried },
): HttpRule {
  const given = verbs.filter(verb => binding[verb] !== undefined)
  const [verb] = given
  if (verb === undefined || given.length > 1)
    throw new TypeError(`${where}: http needs exactly one of ${verbs.join(', ')}`)
  const pattern = binding[verb] as string // it is not undefined
  const { status = 200 } = binding
  if (!Number.isInteger(status) || status < 200 || status > 299 || status === 204 || status === 205) {
    throw new RangeError(`${where}: http.status must be from 200 to 299 and allow a body, got ${status}`)
  }
  const hasNoBody = verb === 'get' || verb === 'delete'
  const body = bodyOf(where, binding, { request, hasNoBody })
  const inQuery = hasNoBody || (body !== undefined && !request.streamed)
  const template = templateOf(pattern, where)
  const { names } = template
  if (inQuery || names.length > 0) checkTextual(where, request)
  return {
    verb: upper(verb),
    pattern,
    template,
    status,
    body,
    form: formOf(where, binding, { request, hasNoBody, names }),
    responseBody: responseBodyOf(where, binding, response),
    maxBodyBytes: bytesOf(where, binding.maxBodyBytes),
    ...placesOf(where, { names, inQuery, body }, request.jsonSchema ?? {}),
  }
}

function bodyOf(
  where: string,
  { body }: HttpBinding,
  { request, hasNoBody }: { readonly request: Carried; readonly hasNoBody: boolean },
): RawField | undefined {
  if (body === undefined) return undefined
  if (hasNoBody) throw new TypeError(`${where}: http.body needs put, post or patch`)
  return rawField(where, body, { ...request, name: 'request', option: 'body' })
}

function formOf(
  where: string,
  { form, body }: HttpBinding,
  given: { readonly request: Carried; readonly hasNoBody: boolean; readonly names: readonly string[] },
): FormRule | undefined {
  if (form === undefined) return undefined
  const { request, hasNoBody, names } = given
  if (hasNoBody || body !== undefined || request.streamed)
    throw new TypeError(`${where}: http.form needs put, post or patch, no stream, and no http.body beside it`)
  checkTextual(where, request)
  return formRule(where, form, request.jsonSchema ?? {}, names)
}

function responseBodyOf(where: string, { responseBody }: HttpBinding, response: Carried): RawField | undefined {
  if (responseBody === undefined) return undefined
  return rawField(where, responseBody, { ...response, name: 'response', option: 'responseBody' })
}

function bytesOf(where: string, maxBodyBytes: number | undefined): number | undefined {
  if (maxBodyBytes === undefined || (Number.isInteger(maxBodyBytes) && maxBodyBytes > 0)) return maxBodyBytes
  throw new RangeError(`${where}: http.maxBodyBytes must be a whole number from 1 on, got ${maxBodyBytes}`)
}

function checkTextual(where: string, request: Carried): void {
  if (request.streamed) {
    throw new TypeError(`${where}: a request stream needs put, post or patch and a path without parameters`)
  }
  if (request.jsonSchema === undefined) {
    throw new TypeError(
      `${where}: path and query need the request's JSON Schema, which its library does not offer: give contract() a toJsonSchema`,
    )
  }
}

interface Placing {
  readonly names: readonly string[]
  readonly inQuery: boolean
  readonly body: RawField | undefined
}

function placesOf(
  where: string,
  { names, inQuery, body }: Placing,
  root: JsonSchema,
): Pick<HttpRule, 'path' | 'query' | 'lists'> {
  const fields = fieldsOf(root)
  const path = new Map<string, TextField>()
  for (const name of names) {
    const field = fields.get(name)
    if (field === undefined) throw new TypeError(`${where}: the path has '{${name}}', which is no field of the request`)
    if (isBody(name, body))
      throw new TypeError(`${where}: the field '${name}' is in the path and cannot be the body, too`)
    path.set(name, readable(where, name, textField(field, root), 'a path'))
  }
  if (!inQuery) return { path, query: undefined, lists: [] }
  const query = new Map<string, TextField>()
  for (const [name, field] of fields) {
    if (!path.has(name) && !isBody(name, body))
      query.set(name, readable(where, name, textField(field, root), 'a query'))
  }
  const required = requiredOf(root)
  const lists = [...query].filter(([name, field]) => field.repeated && required.has(name)).map(([name]) => name)
  return { path, query, lists }
}

function isBody(name: string, body: RawField | undefined): boolean {
  return body !== undefined && (name === body.field || name === body.typeField)
}

function upper(verb: (typeof verbs)[number]): HttpRule['verb'] {
  return verb.toUpperCase() as HttpRule['verb'] // the same words
}

function readable(where: string, name: string, field: TextField | undefined, place: 'a path' | 'a query'): TextField {
  if (field === undefined)
    throw new TypeError(`${where}: the field '${name}' cannot be written in ${place}: it is no scalar`)
  if (place === 'a path' && field.repeated)
    throw new TypeError(`${where}: the field '${name}' is a list and cannot be in a path`)
  return field
}

function templateOf(pattern: string, where: string): PathPattern {
  try {
    return parsePattern(pattern)
  } catch (thrown) {
    throw new TypeError(`${where}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown })
  }
}
