// Conditional GET, RFC 9110 section 13: whoever has a response already is told so instead of being sent it again. The handler has
// run by then: this saves what goes over the wire.
import type { Awaitable, OnDefect } from '../../core/index.js'
import { isTag, knownTag } from './entity-tag.js'
import { type HttpHeaders, type HttpResponse, headerOf } from './message.js'

/** Makes the tag of a body. */
export type TagOf = (body: string | Uint8Array) => Awaitable<string>

/** What is needed to answer conditionally. */
export interface Conditions {
  readonly method: string
  readonly headers: HttpHeaders
  /** Undefined where only a handler gives tags. */
  readonly tagOf: TagOf | undefined
  readonly onDefect: OnDefect
}

/**
 * A successful whole response with its tag, or 304 where the request says that its caller has it already. Only for GET and HEAD, and
 * not for redirects: where those lead is in no body, so that a tag of it would keep callers at the old place. A tag that a handler set
 * holds; what it set that is no tag is reported and left out.
 */
export function conditional(response: HttpResponse, conditions: Conditions): Awaitable<HttpResponse> {
  const { method, headers, tagOf, onDefect } = conditions
  if ((method !== 'GET' && method !== 'HEAD') || response.status > 299) return response
  const tag = headerIn(response, 'etag')
  if (tag !== undefined && !isTag(tag)) {
    onDefect(new TypeError(`the etag ${JSON.stringify(tag.slice(0, 64))} is none: a tag stands in double quotes`))
    return { ...response, headers: without(response.headers, ['etag']) }
  }
  if (tag !== undefined || tagOf === undefined || isNeverKept(response)) return checked(response, headers)
  const made = tagOf(response.body as string | Uint8Array) // it is whole, as the first line says
  return made instanceof Promise
    ? made.then(each => checked(tagged(response, each), headers))
    : checked(tagged(response, made), headers)
}

function checked(response: HttpResponse, request: HttpHeaders): HttpResponse {
  const tag = headerIn(response, 'etag')
  const list = headerOf(request, 'if-none-match')
  if (list !== undefined) {
    const had = tag === undefined ? undefined : knownTag(list, tag)
    return had === undefined ? response : notModified(response, had)
  }
  const since = dateIn(headerOf(request, 'if-modified-since'))
  const modified = dateIn(headerIn(response, 'last-modified'))
  return since !== undefined && modified !== undefined && modified <= since ? notModified(response, tag) : response
}

/** All that says something of the response as a whole stays; what describes its body goes with it. */
function notModified({ headers }: HttpResponse, tag: string | undefined): HttpResponse {
  if (tag === undefined) return { status: 304, headers: without(headers, ['content-type']), body: '' }
  const kept = without(headers, ['content-type', 'etag', 'last-modified'])
  return { status: 304, headers: ['etag', tag, ...kept], body: '' }
}

function tagged(response: HttpResponse, tag: string): HttpResponse {
  return { ...response, headers: [...response.headers, 'etag', tag] }
}

function isNeverKept(response: HttpResponse): boolean {
  return headerIn(response, 'cache-control')?.toLowerCase().includes('no-store') === true
}

function headerIn({ headers }: HttpResponse, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1]
  return undefined
}

function without(headers: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string // names and values in turn
    if (!names.includes(name)) kept.push(name, headers[i + 1] as string)
  }
  return kept
}

const dateRule = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/** The time that a header names; undefined for the forms that RFC 9110 calls obsolete, as for what is no date. */
function dateIn(value: string | undefined): number | undefined {
  if (value === undefined || !dateRule.test(value)) return undefined
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : at
}
