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

/** The most tags of a list that are looked at: a client has one or two. */
const maxTags = 100

const nextTag = /[\t ,]*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")[\t ]*(?=,|$)/y

/** The tags that `If-None-Match` or `If-Match` lists; `*` for any. Undefined for a list that is malformed or has over 100 tags. */
export function tagsIn(list: string): readonly string[] | '*' | undefined {
  if (list.trim() === '*') return '*'
  const tags: string[] = []
  nextTag.lastIndex = 0
  for (let at = 0; at < list.length && tags.length <= maxTags; at = nextTag.lastIndex) {
    const tag = nextTag.exec(list)?.[1]
    if (tag === undefined) return /^[\t ,]*$/.test(list.slice(at)) && tags.length > 0 ? tags : undefined
    tags.push(tag)
  }
  return tags.length === 0 || tags.length > maxTags ? undefined : tags
}

/** Whether a header's value is one tag. */
export function isTag(value: string): boolean {
  return /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/.test(value)
}

/** Whether two tags name the same version, packed or not, whatever its bytes. */
export function weaklyEqual(one: string, other: string): boolean {
  return plainTag(one).replace(/^W\//, '') === plainTag(other).replace(/^W\//, '')
}

/** Whether two tags name the same version, packed or not, byte for byte: weak ones never do. */
export function stronglyEqual(one: string, other: string): boolean {
  return !one.startsWith('W/') && plainTag(one) === plainTag(other)
}

/** The tag of an `If-None-Match` that names the version of `tag`, as its caller has it: a cache finds by it what it may go on using. */
export function knownTag(list: string, tag: string): string | undefined {
  const tags = tagsIn(list)
  return tags === '*' ? tag : tags?.find(each => weaklyEqual(each, tag))
}
