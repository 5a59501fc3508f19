// Which content coding a response is packed with: RFC 9110, sections 8.4 and 12.5.3. Knows nothing of zlib, so that what a client may
// ask for can be read and tested by itself.

/** A way to pack a body, as `Content-Encoding` names it. */
export type ContentCoding = 'br' | 'gzip' | 'deflate'

/** The most members of `Accept-Encoding` that are read: there are a handful of codings, and one header has room for thousands. */
const maxMembers = 32

const weightRule = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i

/**
 * The coding of `offered` that an `Accept-Encoding` likes best; of equals, the one offered first. Undefined for none: where the header
 * is missing, prefers the body as it is, or takes nothing that is offered. What is malformed in it counts as not written.
 */
export function negotiate(accepted: string | undefined, offered: readonly ContentCoding[]): ContentCoding | undefined {
  if (accepted === undefined || accepted === '') return undefined
  const weights = weightsIn(accepted)
  const plain = weights.get('identity') ?? 0
  let best: ContentCoding | undefined
  let most = 0
  for (const coding of offered) {
    const weight = weights.get(coding) ?? weights.get('*') ?? 0
    if (weight <= most || weight < plain) continue
    most = weight
    best = coding
  }
  return best
}

function weightsIn(accepted: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>()
  for (const member of accepted.split(',', maxMembers)) {
    const [name = '', weight, ...more] = member.split(';', 3)
    const value = weight === undefined ? '1' : weightRule.exec(weight.trim())?.[1]
    if (value === undefined || more.length > 0) continue
    const coding = name.trim().toLowerCase()
    weights.set(coding === 'x-gzip' ? 'gzip' : coding, Number(value))
  }
  return weights
}

const textual =
  /^(?:text\/[\w.+-]+|application\/(?:[\w.-]+\+(?:json|xml)|json|x-ndjson|xml|javascript|wasm)|image\/(?:svg\+xml|bmp)|font\/(?:otf|ttf))$/

/** Whether a media type becomes smaller by packing: text does; pictures, archives and unknown bytes are packed already, or may be. */
export function isCompressible(contentType: string | undefined): boolean {
  return contentType !== undefined && textual.test((contentType.split(';', 1)[0] ?? '').trim().toLowerCase())
}
