// Details of other makers' failures that are messages of any kind. In a failure they are what ProtoJSON makes of bytes:
// `details: { any: [{ '@type': 'type.googleapis.com/google.rpc.QuotaFailure', value: '<base64>' }] }`, both ways.
import type { AnyMessage } from './status-details.js'

const typePrefix = 'type.googleapis.com/'

/** Messages as details have them. */
export function anyDetails(messages: readonly AnyMessage[]): { readonly any: readonly object[] } {
  return {
    any: messages.map(({ typeName, bytes }) => ({
      '@type': typePrefix + typeName,
      value: Buffer.from(bytes).toString('base64'),
    })),
  }
}

/** The messages in `any` of details; undefined where it is something else. */
export function anyIn(any: unknown): readonly AnyMessage[] | undefined {
  if (!Array.isArray(any) || any.length === 0) return undefined
  const messages: AnyMessage[] = []
  for (const each of any as readonly unknown[]) {
    if (typeof each !== 'object' || each === null || !('@type' in each) || !('value' in each)) return undefined
    const { '@type': url, value } = each
    if (typeof url !== 'string' || typeof value !== 'string') return undefined
    messages.push({ typeName: url.slice(url.lastIndexOf('/') + 1), bytes: Buffer.from(value, 'base64') })
  }
  return messages
}
