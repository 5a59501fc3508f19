// The text of a .proto, as people and protoc read it.
import { type ProtoBody, type ProtoField, type ProtoMessage, type ProtoMethod, typeName } from './proto-file.js'
import { packageOf } from './proto-methods.js'
import { defaultJsonName, snakeCase } from './proto-names.js'
import type { MethodSpec } from './spec.js'

/** Where a service's .proto belongs: `shop/v1/orders.proto` for `shop.v1.Orders`. */
export function protoPath(service: string): string {
  const folder = packageOf(service).replaceAll('.', '/')
  const file = `${snakeCase(shortName(service))}.proto`
  return folder === '' ? file : `${folder}/${file}`
}

/** What a .proto is written of. */
export interface ProtoSource {
  readonly service: string
  readonly specs: ReadonlyMap<string, MethodSpec>
  /** By the contract's names. */
  readonly methods: ReadonlyMap<string, ProtoMethod>
}

/** The .proto of one service. */
export function protoText(source: ProtoSource): string {
  const bodies = [...source.methods.values()].flatMap(each => [each.request, each.response, ...each.failures.values()])
  const messages = new Map(bodies.filter(body => typeof body === 'object').map(message => [message.name, message]))
  const text = new Text(packageOf(source.service))
  const imports = importsOf([...messages.values()], bodies)
  const head = [
    `// Made by tenon proto from the contract ${source.service}: change that, and run it again.`,
    'syntax = "proto3";',
    ...(text.package === '' ? [] : [`package ${text.package};`]),
    ...(imports.length === 0 ? [] : [imports.map(path => `import "${path}";`).join('\n')]),
  ]
  const parts = [serviceText(text, source), ...[...messages.values()].map(message => messageText(text, message))]
  return `${[...head, ...parts].join('\n\n')}\n`
}

/** The files that messages need. */
export function importsOf(messages: readonly ProtoMessage[], bodies: readonly ProtoBody[]): readonly string[] {
  const types = messages.flatMap(typesIn)
  const needsStruct = types.includes('google.protobuf.Value') || bodies.includes('google.protobuf.Struct')
  return [
    ...(needsStruct ? ['google/protobuf/struct.proto'] : []),
    ...(types.includes('google.protobuf.Timestamp') ? ['google/protobuf/timestamp.proto'] : []),
  ]
}

function typesIn({ fields, nested }: ProtoMessage): readonly ProtoField['type'][] {
  return [...fields.map(({ type }) => type), ...nested.flatMap(typesIn)]
}

class Text {
  readonly package: string

  constructor(name: string) {
    this.package = name
  }

  /** A type's name as it is found from the package: with a dot before it where one of the package's parts could be taken for its first. */
  type(type: ProtoField['type'] | ProtoBody, scopes: readonly ProtoMessage[] = []): string {
    const name = typeName(type)
    if (typeof type !== 'object')
      return this.package.split('.').includes('google') && name.includes('.') ? `.${name}` : name
    const short = shortName(name)
    const found = scopes.findLast(({ nested }) => nested.some(each => shortName(each.name) === short))
    if (found?.nested.includes(type) === true) return short
    const local = this.package === '' ? name : name.slice(this.package.length + 1)
    return local.includes('.') || found !== undefined ? `.${name}` : local
  }
}

function serviceText(text: Text, { service, specs, methods }: ProtoSource): string {
  const lines = [...methods].flatMap(([key, method]) => {
    const { name, request, response, requestStreamed, responseStreamed, failures } = method
    const { summary, description, deprecated } = specs.get(key)?.definition ?? {}
    const [takes, gives] = [
      (requestStreamed ? 'stream ' : '') + text.type(request),
      (responseStreamed ? 'stream ' : '') + text.type(response),
    ]
    const fails = [...failures].map(([tag, body]) => `Fails as ${tag} with ${text.type(body)}.`)
    const level = idempotencyOptions[specs.get(key)?.info.idempotency ?? 'unsafe']
    const options = [
      ...(deprecated === true ? ['option deprecated = true;'] : []),
      ...(level === undefined ? [] : [level]),
    ]
    const end = options.length === 0 ? ';' : ` {\n${options.map(option => `    ${option}\n`).join('')}  }`
    return [...comment([summary, description, ...fails], '  '), `  rpc ${name}(${takes}) returns (${gives})${end}`]
  })
  return `service ${shortName(service)} {\n${lines.join('\n')}\n}`
}

const idempotencyOptions: Readonly<Record<string, string>> = {
  safe: 'option idempotency_level = NO_SIDE_EFFECTS;',
  idempotent: 'option idempotency_level = IDEMPOTENT;',
}

/** @param outside - the messages around it, the outermost first */
function messageText(text: Text, message: ProtoMessage, outside: readonly ProtoMessage[] = []): string {
  const { name, fields, nested, reserved } = message
  const scopes = [...outside, message]
  const indent = '  '.repeat(outside.length)
  const inner = `${indent}  `
  const lines = [
    ...reservedLines(reserved, inner),
    ...nested.map(each => `${messageText(text, each, scopes)}\n`),
    ...fields.flatMap(field => [...comment([field.description], inner), `${inner}${fieldText(text, field, scopes)}`]),
  ]
  const body = lines.length === 0 ? '' : `\n${lines.join('\n')}\n${indent}`
  return `${indent}message ${shortName(name)} {${body}}`
}

function reservedLines(reserved: ProtoMessage['reserved'], indent: string): readonly string[] {
  const numbers = reserved.map(({ number }) => number).sort((a, b) => a - b)
  const names = reserved.flatMap(({ name }) => (name === undefined ? [] : [`"${name}"`])).sort()
  return [
    ...(numbers.length === 0 ? [] : [`${indent}reserved ${numbers.join(', ')};`]),
    ...(names.length === 0 ? [] : [`${indent}reserved ${names.join(', ')};`]),
  ]
}

function fieldText(text: Text, field: ProtoField, scopes: readonly ProtoMessage[]): string {
  const { name, number, type, cardinality, presence, property } = field
  const of = text.type(type, scopes)
  const words = {
    map: `map<string, ${of}>`,
    list: `repeated ${of}`,
    one: presence === 'required' ? of : `optional ${of}`,
  }
  const json = property === defaultJsonName(name) ? '' : ` [json_name = ${JSON.stringify(property)}]`
  return `${words[cardinality]} ${name} = ${number}${json};`
}

/** Lines of a comment; nothing in them can end it. */
function comment(parts: readonly (string | undefined)[], indent: string): readonly string[] {
  return parts
    .filter(part => part !== undefined)
    .flatMap(part => part.split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/))
    .map(line => `${indent}// ${line}`.trimEnd())
}

/** The last part of a name. */
export function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}
