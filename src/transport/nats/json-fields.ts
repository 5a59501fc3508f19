// JSON that somebody else wrote, read field by field.

/** The fields of JSON that somebody else wrote; none where it is no object. */
export function fieldsOf(value: unknown): { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {} // any object may be asked for any name
}
