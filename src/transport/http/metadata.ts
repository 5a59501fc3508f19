// The metadata of a call that came over HTTP. node:http keeps the first `Authorization` line and forgets the others, where a proxy in front
// may have read another one: whose credential counts would depend on who reads. So all of them are there, joined as several lines of
// any other name are, which is no credential of any scheme. Looked for only when somebody reads metadata, and there is one.
import type { Metadata } from '../../core/index.js'
import { metadataFrom } from '../wire-headers.js'
import type { CameWith } from './message.js'

/** What a context has of it. */
export function metadataOf({ headers, rawHeaders }: CameWith): Metadata {
  if (headers[name] === undefined || rawHeaders === undefined) return metadataFrom(headers)
  const all = rawHeaders.filter((_, i) => i % 2 === 1 && isName(rawHeaders[i - 1]))
  return metadataFrom(all.length > 1 ? { ...headers, [name]: all } : headers)
}

const name = 'authorization'

function isName(text: string | undefined): boolean {
  return text?.length === name.length && text.toLowerCase() === name
}
