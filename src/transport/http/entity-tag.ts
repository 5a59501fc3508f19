// Entity tags: RFC 9110, section 8.8.3. A packed body is another representation than the plain one, so a strong tag of one must
// not be that of the other; what a client got with either is still told from what the handler knows as one version.

/** Between a tag and the coding that its body was packed with, as Jetty writes it. */
const separator = '--'

const packedSuffix = /--(?:br|gzip|deflate)"$/

/** The tag of a body that was packed: weak ones hold for all codings, strong ones for their own alone. */
export function packedTag(tag: string, coding: string): string {
  return tag.startsWith('"') && tag.length > 1 ? `${tag.slice(0, -1)}${separator}${coding}"` : tag
}

/** The tag as it was before its body was packed. */
export function plainTag(tag: string): string {
  return packedSuffix.test(tag) ? `${tag.slice(0, tag.lastIndexOf(separator))}"` : tag
}
