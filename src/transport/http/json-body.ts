// JSON as a body, on either side: what EncodeJSONRequest and EncodeJSONResponse are in Go kit.
import { jsonText } from '../json.js'

/** What a request and a response have in common. */
interface WithHeaders {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
}

/**
 * A request or a response with `value` as its JSON body, and its content type; `more` says status or method, path and further
 * headers. A status of 204 or 304 has no body. Throws `CallError` `internal`/`UNENCODABLE` for a value that JSON cannot say.
 *
 * @example
 * ```ts
 * import { json } from 'tenon/transport/http'
 *
 * json({ v: 'HELLO' }) // a response of 200
 * json({ v: 'HELLO' }, { status: 201, headers: { location: '/texts/1' } })
 * json({ s: 'hello' }, { method: 'PUT', path: '/texts/1' }) // a request
 * ```
 */
export function json<M extends object = object>(
  value: unknown,
  more?: M & WithHeaders,
): M & { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
  const rest = { ...more } as M & WithHeaders // a copy has what was copied
  const { status, headers } = rest
  const isEmpty = status === 204 || status === 304
  const own = isEmpty ? {} : { 'content-type': 'application/json' }
  return {
    ...rest,
    headers: { ...own, ...(headers as Readonly<Record<string, string>>) },
    body: isEmpty ? '' : jsonText(value),
  }
}
