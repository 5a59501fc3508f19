// What is at one path: something whole that changes only with the program, so that a browser asks for it once.
import { createHash } from 'node:crypto'
import type { Awaitable } from '../../../core/index.js'
import { knownTag } from '../entity-tag.js'
import { type HttpResponse, headerOf } from '../message.js'
import type { PageRequest, Pages } from '../pages.js'

/** A page or a file, or where it has gone. */
export type Resource = { readonly read: () => Awaitable<Content> } | { readonly redirect: string }

/** A page or a file with all that is said about it. */
export interface Content {
  readonly headers: readonly string[]
  readonly etag: string
  readonly body: string | Uint8Array
}

/** Something that is there already. */
export function resource(type: string, body: string, headers: readonly string[] = []): Resource {
  const content = contentOf(type, body, headers)
  return { read: () => content }
}

/** A page or a file of a type. */
export function contentOf(type: string, body: string | Uint8Array, headers: readonly string[] = []): Content {
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`
  const always = ['content-type', type, 'etag', etag, 'cache-control', 'no-cache', 'x-content-type-options', 'nosniff']
  return { headers: [...always, ...headers], etag, body }
}

/** Serves resources by path, and nothing else. */
export function asPages(resources: ReadonlyMap<string, Resource>): Pages {
  return request => {
    const found = resources.get(request.path)
    if (found === undefined) return undefined
    if ('redirect' in found) return { status: 308, headers: ['location', found.redirect], body: '' }
    return respond(request, found.read)
  }
}

async function respond({ headers }: PageRequest, read: () => Awaitable<Content>): Promise<HttpResponse> {
  let content: Content
  try {
    content = await read()
  } catch {
    return { status: 500, headers: ['content-type', 'text/plain'], body: 'a file of the viewer cannot be read' }
  }
  const known = knownTag(headerOf(headers, 'if-none-match') ?? '', content.etag)
  if (known !== undefined) return { status: 304, headers: content.headers, body: '' }
  return { status: 200, headers: content.headers, body: content.body }
}
