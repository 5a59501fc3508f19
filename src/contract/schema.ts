// Schemas of any library that speaks Standard Schema (zod, valibot, arktype, …), and the one way they are applied: by the
// receiver. The wire carries a schema's input; what a handler or a caller gets is its output.
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type Awaitable, andThen, isSecretName, redactedText } from '../core/index.js'

/** Any schema that implements Standard Schema v1. */
export type Schema = StandardSchemaV1

/** Many messages instead of one: see {@link stream}. */
export interface StreamOf<Item extends Schema> {
  readonly stream: Item
}

/** Says that a method's request or response is a stream of such items, in a contract. */
export function stream<Item extends Schema>(item: Item): StreamOf<Item> {
  return Object.freeze({ stream: item })
}

/** What a method takes or gives: one message, or a stream. */
export type Slot = Schema | StreamOf<Schema>

/** What a sender passes for a slot: the schema's input, or an iterable of it. */
export type InputOf<X> =
  X extends StreamOf<infer Item extends Schema>
    ? AsyncIterable<StandardSchemaV1.InferInput<Item>>
    : X extends Schema
      ? StandardSchemaV1.InferInput<X>
      : never

/** What a receiver gets for a slot: the schema's output, or an iterable of it. */
export type OutputOf<X> =
  X extends StreamOf<infer Item extends Schema>
    ? AsyncIterable<StandardSchemaV1.InferOutput<Item>>
    : X extends Schema
      ? StandardSchemaV1.InferOutput<X>
      : never

export function isStreamSlot(slot: Slot): slot is StreamOf<Schema> {
  return 'stream' in slot && !('~standard' in slot)
}

/** The schema of a slot's messages. */
export function schemaOf(slot: Slot): Schema {
  return isStreamSlot(slot) ? slot.stream : slot
}

/** One thing that a schema found wrong. */
export interface Issue {
  /** Where: `lines[0].sku`; empty for the whole message. */
  readonly path: string
  readonly message: string
}

export type Checked =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly issues: readonly Issue[] }

/** The most issues that a failure lists. */
const maxIssues = 20

/** Applies a schema. At once, unless the schema itself is asynchronous. Throws what the schema throws. */
export function check(schema: Schema, value: unknown): Awaitable<Checked> {
  return andThen(schema['~standard'].validate(value), toChecked)
}

function toChecked(result: StandardSchemaV1.Result<unknown>): Checked {
  if (result.issues === undefined) return { ok: true, value: result.value }
  const issues = result.issues.slice(0, maxIssues).map(({ path = [], message }) => {
    const text = pathText(path)
    return { path: text, message: isSecretName(text) ? withoutValues(message) : redactedText(message) }
  })
  return { ok: false, issues }
}

/** Some schemas repeat what they were given, and of a password that would travel back and into logs. */
function withoutValues(message: string): string {
  return message.replace(/(["'`])[\s\S]*\1/g, '$1[redacted]$1')
}

function pathText(path: readonly (PropertyKey | StandardSchemaV1.PathSegment)[]): string {
  let text = ''
  for (const segment of path) {
    const key = typeof segment === 'object' ? segment.key : segment
    if (typeof key === 'number') text += `[${key}]`
    else text += text === '' ? String(key) : `.${String(key)}`
  }
  return text
}

/** The issues in one line, for a failure's message. */
export function describe(issues: readonly Issue[]): string {
  return issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ')
}
