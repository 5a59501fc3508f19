// A method as transports see it: everything about it worked out once, when the contract is made.
import type { Code, MethodInfo, MethodKind } from '../core/index.js'
import { isObjectSchema } from './fields.js'
import { type HttpRule, httpRule } from './http-rule.js'
import { type JsonSchema, jsonSchemaOf, type ToJsonSchema } from './json-schema.js'
import type { FailureDef, Method } from './method.js'
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
  const http = httpRule(where, definition.http ?? { post: `/${service}/${name}` }, { request, response })
  const info: MethodInfo = {
    service,
    name,
    idempotency,
    kind,
    ...(deadlineMs !== undefined && { deadlineMs }),
    http: Object.freeze({ method: http.verb, route: http.pattern }),
  }
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
