// A response on which others have set headers: the middleware of an app around us. Ours take the place of those of the same name,
// except where a name holds a list to which both contribute: a session's cookie must not be lost because a handler sets one, too.
import type { ServerResponse } from 'node:http'

const lists: ReadonlySet<string> = new Set(['set-cookie', 'vary'])

/**
 * Puts the lists among `headers` (names and values in turn) onto the response, behind what is there, and gives the others. Node
 * itself would keep one value of each name, once somebody else has set any header.
 */
export function joinLists(target: ServerResponse, headers: readonly string[]): string[] {
  const others: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const [name, value] = [headers[i] as string, headers[i + 1] as string] // in turn
    if (lists.has(name.toLowerCase())) target.appendHeader(name, value)
    else others.push(name, value)
  }
  return others
}
