// A request's path as segments: split before decoding, decoded once, and refused where two readers could understand it differently
// (dot segments, backslashes, NUL, broken encoding): a proxy that checks access and we must see the same path.

/** The longest path that is looked at; node:http itself stops at 16 KiB for all headers together. */
const maxPathLength = 8192

/** A path taken apart. */
export interface ReadPath {
  /** Decoded; `%2F` became part of its segment. None for `/`. */
  readonly segments: readonly string[]
  /** The last segment split at its last colon, as `{id}:cancel` needs it; a colon that came encoded does not count. */
  readonly verb: ReadVerb | undefined
}

/** A last segment with a verb, both parts decoded. */
export interface ReadVerb {
  readonly base: string
  readonly name: string
}

/**
 * Path and query of a request: of an absolute target, which clients send that take a server for a proxy and every server has to take
 * (RFC 9112, section 3.2.2), what is behind the host. Who is asked for is `Host`'s to say.
 */
export function originForm(target: string): string {
  if (target.charCodeAt(0) === slash) return target
  const [, rest] = /^https?:\/\/[^/?#\\]+([/?].*)?$/i.exec(target) ?? [undefined, target]
  if (rest === undefined) return '/'
  return rest.startsWith('?') ? `/${rest}` : rest
}

/** Reads a path without its query, or says why it is invalid. */
export function readPath(path: string): ReadPath | { readonly message: string } {
  const segments = plainSegments(path)
  return segments === undefined ? readOdd(path) : { segments, verb: undefined }
}

/** The segments of a path in which nothing has to be decoded, taken apart or refused, as of nearly all; undefined for any other. */
function plainSegments(path: string): string[] | undefined {
  if (path.length > maxPathLength || path.charCodeAt(0) !== slash) return undefined
  const segments: string[] = []
  if (path.length === 1) return segments
  let start = 1
  for (let at = 1; at < path.length; at++) {
    const code = path.charCodeAt(at)
    if (code === slash) {
      segments.push(path.slice(start, at))
      start = at + 1
    } else if (isOdd(code) || (code === dot && at === start)) return undefined
  }
  segments.push(path.slice(start))
  return segments
}

const slash = 0x2f
const dot = 0x2e

/** Whether a character takes a closer look: one that has to be encoded, `#`, `%`, `:` or a backslash. */
function isOdd(code: number): boolean {
  return code <= 0x20 || code >= 0x7f || code === 0x23 || code === 0x25 || code === 0x3a || code === 0x5c
}

function readOdd(path: string): ReadPath | { readonly message: string } {
  const problem = problemIn(path)
  if (problem !== undefined) return { message: problem }
  const raw = path.length === 1 ? [] : path.slice(1).split('/')
  const last = raw.at(-1) ?? ''
  const colon = last.lastIndexOf(':')
  const parts = colon < 0 ? raw : [...raw, last.slice(0, colon), last.slice(colon + 1)]
  const decoded = path.includes('%') ? decodeAll(parts) : parts
  if (decoded === undefined) return { message: 'the path is not percent-encoded UTF-8' }
  if (decoded.some(isAmbiguous)) return { message: "the path has a '.' or '..' segment, a backslash or a NUL" }
  if (colon < 0) return { segments: decoded, verb: undefined }
  const [base = '', name = ''] = decoded.splice(-2)
  return { segments: decoded, verb: { base, name } }
}

function problemIn(path: string): string | undefined {
  if (path.length > maxPathLength) return `the path is longer than ${maxPathLength} characters`
  if (!path.startsWith('/')) return "the path does not begin with '/'"
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at)
    if (code <= 0x20 || code >= 0x7f || code === 0x23) return 'the path has characters that must be percent-encoded'
  }
  return undefined
}

function decodeAll(parts: readonly string[]): string[] | undefined {
  try {
    return parts.map(part => (part.includes('%') ? decodeURIComponent(part) : part))
  } catch {
    return undefined
  }
}

function isAmbiguous(segment: string): boolean {
  return segment === '.' || segment === '..' || segment.includes('\\') || segment.includes('\0')
}
