// One operation in two versions, and what a difference between them is reported as.
import type { Gap } from './gap.js'
import { requestWords, responseWords } from './gap-words.js'
import type { JsonSchema } from './json-schema.js'
import { SchemaParts } from './schema-parts.js'
import { gaps } from './subset.js'

/** One difference between two versions of an API. */
export interface Change {
  /** `request`: the new server may refuse what old clients send. `response`: old clients may not understand what it sends. */
  readonly direction: 'request' | 'response' | 'both'
  readonly breaking: boolean
  /** `POST /orders` */
  readonly operation: string
  /** Where in it: `body.sku`; empty for the whole. */
  readonly where: string
  /** What breaks, or why nothing does, in words. */
  readonly reason: string
}

/** One operation in two versions, with the schemas of their documents. */
export interface Pair {
  readonly operation: string
  readonly was: JsonSchema
  readonly is: JsonSchema
  readonly before: SchemaParts
  readonly after: SchemaParts
}

/** What old clients send and the new server may refuse. */
export function requestGaps({ before, after }: Pair, was: unknown, is: unknown): readonly Gap[] {
  return gaps(asObject(was), asObject(is), { from: before, to: after, words: requestWords })
}

/** What the new server sends and old clients may not understand. */
export function responseGaps({ before, after }: Pair, was: unknown, is: unknown): readonly Gap[] {
  return gaps(asObject(is), asObject(was), { from: after, to: before, words: responseWords })
}

/** The named schemas of a document. */
export function partsOf(document: JsonSchema): SchemaParts {
  const schemas = asObject(asObject(document['components'])['schemas'])
  const prefix = '#/components/schemas/'
  return new SchemaParts(ref => {
    const found = ref.startsWith(prefix) ? schemas[ref.slice(prefix.length)] : undefined
    return found === undefined ? undefined : asObject(found)
  })
}

/** The schemas of a body by media type. */
export function contentOf(part: unknown): ReadonlyMap<string, unknown> {
  const content = Object.entries(asObject(asObject(part)['content']))
  return new Map(content.map(([type, media]) => [type, asObject(media)['schema']]))
}

/** Any object can be read as one with members of unknown type. */
export function asObject(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null ? (value as JsonSchema) : {} // as the first line says
}

/** `body` and `lines[].sku` give `body.lines[].sku`. */
export function join(path: string, more: string): string {
  return more === '' || more.startsWith('[') ? path + more : `${path}.${more}`
}
