// OpenAPI 3.1 of contracts: the same facts that servers and clients run on, so the document cannot disagree with them.
import { Components } from './components.js'
import { type FormRule, formTypes } from './form-rule.js'
import type { HttpRule } from './http-rule.js'
import type { JsonSchema } from './json-schema.js'
import type { RawField } from './raw-field.js'
import type { FailureSpec, MethodSpec } from './spec.js'
import { statusOf } from './status.js'

/** Options of {@link openapi}. */
export interface OpenApiOptions {
  /** @defaultValue the first contract's name */
  readonly title?: string
  /** The version of the API. @defaultValue '1.0.0' */
  readonly version?: string
  /** For people; Markdown. @defaultValue none */
  readonly description?: string
  /** Where it is served. @defaultValue where the document came from */
  readonly servers?: readonly string[]
  /** The security schemes that methods name in `security`, as OpenAPI writes them. @defaultValue none */
  readonly securitySchemes?: Readonly<Record<string, JsonSchema>>
}

/** What {@link openapi} reads of a contract. */
export interface Described {
  readonly name: string
  readonly specs: ReadonlyMap<string, MethodSpec>
}

/**
 * The OpenAPI 3.1 document of contracts, as data. Failures are problem details (RFC 9457). Throws `TypeError` where two methods have one path and verb.
 */
export function openapi(contracts: Described | readonly Described[], options: OpenApiOptions = {}): JsonSchema {
  const all = Array.isArray(contracts) ? (contracts as readonly Described[]) : [contracts as Described] // Array.isArray does not narrow readonly arrays
  const { title = all[0]?.name ?? 'API', version = '1.0.0', description, servers = [], securitySchemes } = options
  const components = new Components()
  const paths: Record<string, Record<string, JsonSchema>> = {}
  for (const { name, specs } of all) {
    for (const spec of specs.values()) {
      const { pattern, verb } = spec.http
      paths[pattern] ??= {}
      const path = paths[pattern]
      if (Object.hasOwn(path, verb.toLowerCase())) throw new TypeError(`openapi: ${verb} ${pattern} is there twice`)
      path[verb.toLowerCase()] = operation(name, spec, components)
    }
  }
  return {
    openapi: '3.1.0',
    info: { title, version, ...(description !== undefined && { description }) },
    ...(servers.length > 0 && { servers: servers.map(url => ({ url })) }),
    tags: all.map(({ name }) => ({ name })),
    paths,
    components: { schemas: components.schemas(), ...(securitySchemes !== undefined && { securitySchemes }) },
  }
}

function operation(service: string, spec: MethodSpec, components: Components): JsonSchema {
  const { summary, description, deprecated, tags, security } = spec.definition
  const base = `${service}.${spec.info.name}`
  const request = components.message(`${base}.Request`, spec.request.jsonSchema)
  const body = requestBody(spec, request, components)
  return {
    operationId: base,
    tags: [...(tags ?? [service])],
    ...(summary !== undefined && { summary }),
    ...(description !== undefined && { description }),
    ...(deprecated === true && { deprecated }),
    ...(security !== undefined && { security: security.map(name => ({ [name]: [] })) }),
    'x-idempotency': spec.info.idempotency,
    parameters: parameters(spec.http, request, components),
    ...(body !== undefined && { requestBody: body }),
    responses: responses(base, spec, components),
  }
}

function parameters(rule: HttpRule, request: JsonSchema, components: Components): JsonSchema[] {
  const { properties, required } = components.objectOf(request)
  const list: JsonSchema[] = []
  const add = (name: string, place: 'path' | 'query'): void => {
    const schema = properties[name] ?? {}
    const { description } = schema
    list.push({
      name,
      in: place,
      required: place === 'path' || (required.includes(name) && !rule.lists.includes(name)), // no mention is an empty list
      schema,
      ...(typeof description === 'string' && { description }),
    })
  }
  for (const name of rule.path.keys()) add(name, 'path')
  for (const name of rule.query?.keys() ?? []) add(name, 'query')
  return list
}

function requestBody(
  { http, request }: MethodSpec,
  schema: JsonSchema,
  components: Components,
): JsonSchema | undefined {
  if (http.body !== undefined) return { required: true, content: bytesContent(http.body) }
  if (http.query !== undefined) return undefined
  if (request.streamed) return { required: true, content: { 'application/x-ndjson': { schema: streamLines(schema) } } }
  if (http.form !== undefined) return formBody(http.form, schema, components)
  const rest = http.path.size === 0 ? schema : components.without(schema, [...http.path.keys()])
  if (http.path.size > 0 && Object.keys(components.objectOf(rest).properties).length === 0) return undefined
  const required = http.path.size === 0 || components.objectOf(rest).required.length > 0
  return { required, content: { 'application/json': { schema: rest } } }
}

function responses(base: string, spec: MethodSpec, components: Components): JsonSchema {
  const schema = components.message(`${base}.Response`, spec.response.jsonSchema)
  const byStatus = new Map<number, [string, FailureSpec][]>()
  for (const [tag, failure] of spec.failures) {
    const status = statusOf(failure.code, tag)
    byStatus.set(status, [...(byStatus.get(status) ?? []), [tag, failure]])
  }
  const failures = [...byStatus].map(
    ([status, tagged]) => [String(status), failureResponse(base, tagged, components)] as const,
  )
  return {
    [spec.http.status]: { description: spec.definition.summary ?? 'OK', content: content(spec, schema) },
    ...Object.fromEntries(failures),
    default: { description: 'A failure', content: { 'application/problem+json': { schema: components.problem() } } },
  }
}

/** A form: its files are bytes there, whatever is said of them. */
function formBody({ kind, texts, files }: FormRule, schema: JsonSchema, components: Components): JsonSchema {
  const { properties, required } = components.objectOf(schema)
  const binary: JsonSchema = { type: 'string', format: 'binary' }
  const fields = [
    ...[...texts.keys()].map(name => [name, properties[name] ?? {}] as const),
    ...[...files].map(([name, { repeated }]) => [name, repeated ? { type: 'array', items: binary } : binary] as const),
  ]
  const needed = required.filter(name => texts.has(name) || files.has(name))
  const form = {
    type: 'object',
    properties: Object.fromEntries(fields),
    ...(needed.length > 0 && { required: needed }),
  }
  return { required: needed.length > 0, content: { [formTypes[kind]]: { schema: form } } }
}

function bytesContent({ type }: RawField): JsonSchema {
  return { [type]: { schema: { type: 'string', format: 'binary' } } }
}

function content({ http, response }: MethodSpec, schema: JsonSchema): JsonSchema {
  if (http.responseBody !== undefined) return bytesContent(http.responseBody)
  if (!response.streamed) return { 'application/json': { schema } }
  return {
    'application/x-ndjson': { schema: streamLines(schema) },
    'text/event-stream': { schema: { type: 'string' } },
  }
}

/** One line of a stream. */
function streamLines(item: JsonSchema): JsonSchema {
  return {
    description: 'One JSON object a line; the last is `end` or `failure`.',
    oneOf: [
      { type: 'object', properties: { value: item }, required: ['value'] },
      { type: 'object', properties: { end: { type: 'object' } }, required: ['end'] },
      { type: 'object', properties: { failure: { type: 'object' } }, required: ['failure'] },
    ],
  }
}

function failureResponse(base: string, tagged: readonly [string, FailureSpec][], components: Components): JsonSchema {
  const declared = tagged.map(([tag, failure]) => components.failure(`${base}.${tag}Failure`, tag, failure))
  const schema = { anyOf: [...declared, components.problem()] }
  return { description: tagged.map(([tag]) => tag).join(', '), content: { 'application/problem+json': { schema } } }
}
