// Entity tags made from bodies, with what node, browsers and edge runtimes have in common; node's own hash, which answers at once,
// is given by whoever runs on node.
import type { TagOf } from './conditional.js'

/** Whether tags promise the same bytes or the same meaning. */
export type TagKind = 'strong' | 'weak'

/** How many characters of base64url are kept of a SHA-256: 132 bits. */
const tagLength = 22

/** Tags of a kind, from the SHA-256 of a body in base64url. Throws `TypeError` for a kind that there is not. */
export function tagsOf(
  kind: TagKind | false | undefined,
  hashOf: (body: string | Uint8Array) => string | Promise<string>,
): TagOf | undefined {
  if (kind === undefined || kind === false) return undefined
  if (kind !== 'strong' && kind !== 'weak')
    throw new TypeError(`http: etag must be 'strong', 'weak' or false, got '${kind}'`)
  const prefix = kind === 'weak' ? 'W/"' : '"'
  const tag = (hash: string): string => `${prefix}${hash.slice(0, tagLength)}"`
  return body => {
    const hash = hashOf(body)
    return hash instanceof Promise ? hash.then(tag) : tag(hash)
  }
}
