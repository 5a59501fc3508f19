// A method as transports see it: everything about it worked out once, when the contract is made.
import type { Code, MethodInfo, MethodKind } from '../core/index.js'
import { fieldsOf, isObjectSchema, requiredOf, type TextField, textField } from './fields.js'
import { type JsonSchema, jsonSchemaOf, type ToJsonSchema } from './json-schema.js'
import type { FailureDef, HttpBinding, Method } from './method.js'
import { type PathPattern, parsePattern } from './path-pattern.js'
import { isStreamSlot, type Schema, type Slot, schemaOf } from './schema.js'

/** One message type of a method. */
export interface MessageSpec {
  readonly schema: Schema
  readonly streamed: boolean
  /** Of what is sent (the schema's input); undefined where its library offers none. */
  readonly jsonSchema: JsonSchema | undefined
}

/** A declared failure. */
export interface FailureSpec {
  readonly code: Code
  readonly schema: Schema
  readonly jsonSchema: JsonSchema | undefined
}

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
}

/** A method, worked out. */
export interface MethodSpec {
  readonly info: MethodInfo
  readonly request: MessageSpec
  readonly response: MessageSpec
  /** By tag. */
  readonly failures: ReadonlyMap<string, FailureSpec>
  readonly http: HttpRule
  /** As written, for documentation. */
  readonly definition: Method
}

/** Works a method out. Throws `TypeError`, saying where, for what cannot be served. */
export function specOf(service: string, name: string, definition: Method, convert?: ToJsonSchema): MethodSpec {
  const where = `${service}/${name}`
  const request = messageOf(definition.request, `${where}: request`, convert)
  const response = messageOf(definition.response, `${where}: response`, convert)
  const failures = new Map<string, FailureSpec>()
  for (const [tag, def] of Object.entries(definition.failures ?? {}))
    failures.set(tag, failureOf(where, tag, def, convert))
  const { idempotency, deadlineMs } = definition
  const kind = kindOf(request.streamed, response.streamed)
  const info: MethodInfo = { service, name, idempotency, kind, ...(deadlineMs !== undefined && { deadlineMs }) }
  const http = httpRule(where, definition.http ?? { post: `/${service}/${name}` }, request)
  return { info, request, response, failures, http, definition }
}

function kindOf(requestStreams: boolean, responseStreams: boolean): MethodKind {
  if (requestStreams) return responseStreams ? 'bidi_streaming' : 'client_streaming'
  return responseStreams ? 'server_streaming' : 'unary'
}

function messageOf(slot: Slot, where: string, convert: ToJsonSchema | undefined): MessageSpec {
  const schema = schemaOf(slot)
  if (typeof schema?.['~standard']?.validate !== 'function') {
    throw new TypeError(`${where}: not a schema that implements Standard Schema`)
  }
  const jsonSchema = jsonSchemaOf(schema, where, convert)
  if (jsonSchema !== undefined && !isObjectSchema(jsonSchema))
    throw new TypeError(`${where}: a message must be an object`)
  return { schema, streamed: isStreamSlot(slot), jsonSchema }
}

function failureOf(where: string, tag: string, def: FailureDef, convert: ToJsonSchema | undefined): FailureSpec {
  if (tag === 'Failure') throw new TypeError(`${where}: the tag 'Failure' is reserved`)
  if (!/^[A-Za-z][A-Za-z0-9]*$/.test(tag) || !/[a-z]/.test(tag)) {
    throw new TypeError(
      `${where}: the tag '${tag}' must be letters and digits with a lower-case letter among them: reasons are upper-case`,
    )
  }
  const { schema, jsonSchema } = messageOf(def.details, `${where}: failure ${tag}`, convert)
  return { code: def.code, schema, jsonSchema }
}

const verbs = ['get', 'put', 'post', 'patch', 'delete'] as const

function httpRule(where: string, binding: HttpBinding, request: MessageSpec): HttpRule {
  const given = verbs.filter(verb => binding[verb] !== undefined)
  const [verb] = given
  if (verb === undefined || given.length > 1)
    throw new TypeError(`${where}: http needs exactly one of ${verbs.join(', ')}`)
  const pattern = binding[verb] as string // it is not undefined
  const { status = 200 } = binding
  if (!Number.isInteger(status) || status < 200 || status > 299 || status === 204 || status === 205) {
    throw new RangeError(`${where}: http.status must be from 200 to 299 and allow a body, got ${status}`)
  }
  const inQuery = verb === 'get' || verb === 'delete'
  const template = templateOf(pattern, where)
  const { names } = template
  if (inQuery || names.length > 0) checkTextual(where, request)
  return {
    verb: upper(verb),
    pattern,
    template,
    status,
    ...placesOf(where, { names, inQuery }, request.jsonSchema ?? {}),
  }
}

function checkTextual(where: string, request: MessageSpec): void {
  if (request.streamed) {
    throw new TypeError(`${where}: a request stream needs put, post or patch and a path without parameters`)
  }
  if (request.jsonSchema === undefined) {
    throw new TypeError(
      `${where}: path and query need the request's JSON Schema, which its library does not offer: give contract() a toJsonSchema`,
    )
  }
}

function placesOf(
  where: string,
  { names, inQuery }: { readonly names: readonly string[]; readonly inQuery: boolean },
  root: JsonSchema,
): Pick<HttpRule, 'path' | 'query' | 'lists'> {
  const fields = fieldsOf(root)
  const path = new Map<string, TextField>()
  for (const name of names) {
    const field = fields.get(name)
    if (field === undefined) throw new TypeError(`${where}: the path has '{${name}}', which is no field of the request`)
    path.set(name, readable(where, name, textField(field, root), 'a path'))
  }
  if (!inQuery) return { path, query: undefined, lists: [] }
  const query = new Map<string, TextField>()
  for (const [name, field] of fields) {
    if (!path.has(name)) query.set(name, readable(where, name, textField(field, root), 'a query'))
  }
  const required = requiredOf(root)
  const lists = [...query].filter(([name, field]) => field.repeated && required.has(name)).map(([name]) => name)
  return { path, query, lists }
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
