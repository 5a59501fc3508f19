// Metadata: the string pairs that travel beside a message, whatever the transport calls them (HTTP headers, gRPC metadata,
// NATS headers). The rules here are the strictest of all transports', so that what is accepted once can go everywhere.
import { CallError } from './call-error.js'
import { failureOf } from './failure.js'

/** Names in lower case; several values of one name are joined by `', '`, as HTTP does. */
export type Metadata = ReadonlyMap<string, string>

/** The most entries that one message may carry. */
const maxMetadataEntries = 64
/** The most characters that the names and values of one message may have together. */
const maxMetadataLength = 8192

/** No metadata. All calls that have none share it, so it refuses what its type refuses. */
export const noMetadata: Metadata = Object.defineProperty(new Map<string, string>(), 'set', {
  value: () => {
    throw new TypeError('metadata is read-only')
  },
})

/** Names that say where in a trace a message belongs. Where a call is in a span, only that span says so. */
export const traceNames: readonly string[] = [
  'traceparent',
  'tracestate',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'sw8',
]

/** What goes through a trace or a request unchanged. */
export const carriedNames: readonly string[] = ['baggage', 'sw8-correlation', 'x-request-id']

/**
 * Names that a child call carries on by itself: what joins its trace and its request. Everything else is sent only where
 * the code says so.
 */
export const propagatedNames: readonly string[] = [...traceNames, ...carriedNames]

const nameRule = /^[a-z0-9_.-]+$/
const valueRule = /^[\x20-\x7e]*$/

/**
 * Adds entries to metadata, leaving the given map as it was. Names are lower-cased.
 * Throws `CallError` `invalid_argument`/`INVALID_METADATA` for a name outside `[a-z0-9_.-]`, a value outside visible ASCII
 * and space, more than 64 entries or more than 8192 characters in all: line breaks must never reach a header.
 */
export function addMetadata(base: Metadata, entries: Readonly<Record<string, string>>): Metadata {
  const merged = new Map(base)
  for (const [name, value] of Object.entries(entries)) {
    const lower = name.toLowerCase()
    refuse(wrongEntry(lower, value))
    merged.set(lower, value)
  }
  refuse(wrongSize(merged))
  return merged
}

/** Why a pair may not be sent; undefined where it may. */
export function wrongEntry(name: string, value: string): string | undefined {
  if (!nameRule.test(name)) return `${JSON.stringify(name.slice(0, 64))} cannot be the name of a metadata entry`
  if (typeof value !== 'string' || !valueRule.test(value))
    return `the metadata entry '${name}' has a value that is not visible ASCII`
  return undefined
}

/** Why that much may not be sent; undefined where it may. `more`: values beside those of the map, of a name that has several. */
export function wrongSize(metadata: Metadata, more: readonly string[] = []): string | undefined {
  if (metadata.size + more.length > maxMetadataEntries)
    return `there are more than ${maxMetadataEntries} metadata entries`
  let length = 0
  for (const value of more) length += value.length
  for (const [name, value] of metadata) length += name.length + value.length
  return length > maxMetadataLength ? `the metadata is longer than ${maxMetadataLength} characters` : undefined
}

function refuse(wrong: string | undefined): void {
  if (wrong !== undefined) throw new CallError<never>(failureOf('invalid_argument', 'INVALID_METADATA', wrong))
}
