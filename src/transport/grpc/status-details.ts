// What a failure says beyond its code, as every gRPC library reads it: google.rpc.Status with ErrorInfo, BadRequest and RetryInfo of
// google/rpc/error_details.proto, in `grpc-status-details-bin`. What these have no place for goes along as a Struct or as a message.
import { bytesField, fieldsOf, messageOf, textField, textOf, varintField, type WireField } from './protobuf.js'
import { readStruct, writeStruct } from './wire-json.js'
import { WireReader } from './wire-reader.js'
import { WireWriter } from './wire-writer.js'

/** A message with its type. */
export interface AnyMessage {
  /** `shop.v1.OutOfStock` */
  readonly typeName: string
  readonly bytes: Uint8Array
}

/** A failure in the words of google.rpc. */
export interface StatusDetails {
  /** gRPC's number. */
  readonly code: number
  readonly message: string
  /** Of ErrorInfo: a reason, or the tag of a domain failure. */
  readonly reason?: string
  /** Of ErrorInfo: the service whose reason it is. */
  readonly domain?: string
  /** Of RetryInfo. */
  readonly retryAfterMs?: number
  /** What fits a Struct, or BadRequest: JSON's own types. */
  readonly details?: Readonly<Record<string, unknown>>
  /** All other messages. */
  readonly others?: readonly AnyMessage[]
}

const typePrefix = 'type.googleapis.com/'
const errorInfo = 'google.rpc.ErrorInfo'
const badRequest = 'google.rpc.BadRequest'
const retryInfo = 'google.rpc.RetryInfo'
const struct = 'google.protobuf.Struct'

/** The longest time that is told or believed, in ms; about 31 years. */
const maxRetryAfterMs = 1e12

/**
 * A google.rpc.Status, of a length that base64 need not pad: grpc-js would write the padding, which servers should not send.
 */
export function statusOf({ code, message, reason, domain, retryAfterMs, details, others = [] }: StatusDetails): Buffer {
  const parts = [textField(2, message)]
  const add = (typeName: string, bytes: Uint8Array): void => {
    parts.push(bytesField(3, messageOf(textField(1, typePrefix + typeName), bytesField(2, bytes))))
  }
  if (reason !== undefined) add(errorInfo, messageOf(textField(1, reason), textField(2, domain ?? '')))
  if (retryAfterMs !== undefined) add(retryInfo, bytesField(1, durationOf(retryAfterMs)))
  if (details !== undefined) {
    const issues = issuesIn(details)
    if (issues === undefined) add(struct, structOf(details))
    else add(badRequest, messageOf(...issues.map(violationOf)))
  }
  for (const { typeName, bytes } of others) add(typeName, bytes)
  const rest = messageOf(...parts)
  return messageOf(codeField(code, 2 - ((rest.length + 1) % 3)), rest)
}

/** The code, with so many bytes more than it takes: a varint may go on with nothing. */
function codeField(code: number, more: number): Buffer {
  const [tag = 0, value = 0] = varintField(1, code)
  const bytes = [tag, value, 0x80, 0x80].slice(0, 2 + more)
  for (let i = 1; i < bytes.length - 1; i++) bytes[i] = (bytes[i] ?? 0) | 0x80
  if (more > 0) bytes[bytes.length - 1] = 0
  return Buffer.from(bytes)
}

/** What a google.rpc.Status says. Throws `Malformed` for what is none. */
export function readStatus(bytes: Uint8Array): StatusDetails {
  let read: StatusDetails = { code: 0, message: '' }
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) read = { ...read, code: Number(BigInt.asIntN(32, field.bits)) }
    else if (field.number === 2) read = { ...read, message: textOf(field) }
    else if (field.number === 3) read = { ...read, ...readAny(anyOf(field), read) }
  }
  return read
}

function anyOf({ bytes }: WireField): AnyMessage {
  const fields = fieldsOf(bytes)
  const url = fields.find(({ number }) => number === 1)
  const value = fields.find(({ number }) => number === 2)
  const name = url === undefined ? '' : textOf(url)
  return { typeName: name.slice(name.lastIndexOf('/') + 1), bytes: value?.bytes ?? new Uint8Array() }
}

function readAny(any: AnyMessage, { others = [] }: StatusDetails): Partial<StatusDetails> {
  switch (any.typeName) {
    case errorInfo: {
      const fields = fieldsOf(any.bytes)
      const text = (wanted: number): string => {
        const field = fields.find(({ number }) => number === wanted)
        return field === undefined ? '' : textOf(field)
      }
      return { reason: text(1), domain: text(2) }
    }
    case retryInfo: {
      const [delay] = fieldsOf(any.bytes)
      return delay?.number === 1 ? { retryAfterMs: millisecondsOf(delay.bytes) } : {}
    }
    case badRequest:
      return { details: { issues: fieldsOf(any.bytes).flatMap(issueOf) } }
    case struct:
      return { details: readStruct(new WireReader(any.bytes)) }
    default:
      return { others: [...others, any] }
  }
}

function structOf(object: Readonly<Record<string, unknown>>): Uint8Array {
  const writer = new WireWriter()
  writeStruct(writer, object)
  return writer.finish()
}

interface Issue {
  readonly path: string
  readonly message: string
}

/** The issues of details that are nothing else: they lose nothing as a BadRequest. */
function issuesIn(details: Readonly<Record<string, unknown>>): readonly Issue[] | undefined {
  const { issues, ...rest } = details
  if (!Array.isArray(issues) || issues.length === 0 || Object.keys(rest).length > 0) return undefined
  return issues.every(isIssue) ? issues : undefined
}

function isIssue(value: unknown): value is Issue {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 2) return false
  return 'path' in value && typeof value.path === 'string' && 'message' in value && typeof value.message === 'string'
}

function violationOf({ path, message }: Issue): Uint8Array {
  return bytesField(1, messageOf(textField(1, path), textField(2, message)))
}

function issueOf({ number, bytes }: WireField): readonly Issue[] {
  if (number !== 1) return []
  const fields = fieldsOf(bytes)
  const text = (wanted: number): string => {
    const field = fields.find(each => each.number === wanted)
    return field === undefined ? '' : textOf(field)
  }
  return [{ path: text(1), message: text(2) }]
}

function durationOf(ms: number): Buffer {
  const bounded = Math.min(Math.max(0, ms), maxRetryAfterMs)
  const seconds = Math.floor(bounded / 1000)
  const nanos = Math.round((bounded - seconds * 1000) * 1e6)
  return messageOf(varintField(1, seconds), varintField(2, nanos))
}

function millisecondsOf(duration: Uint8Array): number {
  let ms = 0
  for (const { number, bits } of fieldsOf(duration)) {
    if (number === 1) ms += Number(BigInt.asIntN(64, bits)) * 1000
    else if (number === 2) ms += Number(BigInt.asIntN(32, bits)) / 1e6
  }
  return Math.min(Math.max(0, ms), maxRetryAfterMs)
}
