// What of a schema's findings may be logged.
import type { StandardSchemaV1 } from '@standard-schema/spec'

/** Where a schema found something, without what it found there. */
export function placesOf(issues: readonly StandardSchemaV1.Issue[]): string {
  const places = issues.slice(0, 20).map(({ path = [] }) => {
    return path.map(part => String(typeof part === 'object' ? part.key : part)).join('.') || 'the whole'
  })
  return places.join(', ')
}
