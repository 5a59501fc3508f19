// A hook that sets one header: SetRequestHeader, SetResponseHeader and SetContentType of Go kit in one.

/**
 * A hook for `before` of `endpoint` and `after` of `handler` that sets a header, whatever its letters' case was before.
 *
 * @example
 * ```ts
 * import { setHeader } from 'tenon/transport/http'
 *
 * const after = [setHeader('cache-control', 'no-store')]
 * console.assert(after[0]?.({}).headers['cache-control'] === 'no-store')
 * ```
 */
export function setHeader(
  name: string,
  value: string,
): <T extends { readonly headers?: Readonly<Record<string, string | readonly string[]>> }>(
  given: T,
) => T & { readonly headers: Readonly<Record<string, string>> } {
  const lower = name.toLowerCase()
  return <T extends { readonly headers?: Readonly<Record<string, string | readonly string[]>> }>(given: T) => {
    const kept = Object.entries(given.headers ?? {}).filter(([key]) => key.toLowerCase() !== lower)
    return { ...given, headers: { ...(Object.fromEntries(kept) as Record<string, string>), [name]: value } } // as they were given
  }
}
