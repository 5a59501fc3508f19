// A small document from the network, with a bound on everything: how long it takes, how large it is, where it may lead.
import type { Clock } from '../../core/index.js'

/** What to fetch, and how much of it. */
export interface Fetching {
  readonly url: URL
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly clock: Clock
  readonly fetch: typeof fetch
}

/** The text of an answer with status 200. Rejects for everything else, and when the time is over, with the connection closed. */
export async function fetchText({ url, timeoutMs, maxBytes, clock, fetch }: Fetching): Promise<string> {
  const ending = new AbortController()
  const late = new Error(`${url.origin} did not answer within ${timeoutMs} ms`)
  const timer = clock.setTimer(() => ending.abort(late), timeoutMs)
  const expired = new Promise<never>((_, reject) => {
    ending.signal.addEventListener('abort', () => reject(ending.signal.reason), { once: true })
  })
  expired.catch(() => {}) // it is looked at only while something is waited for
  try {
    const headers = { accept: 'application/jwk-set+json, application/json' }
    const response = await Promise.race([fetch(url, { headers, redirect: 'error', signal: ending.signal }), expired])
    if (response.status !== 200) throw new Error(`${url.origin} answered ${response.status}`)
    return await Promise.race([read(response, maxBytes), expired])
  } finally {
    timer.cancel()
    ending.abort() // what is not read yet is not wanted any more
  }
}

async function read({ body }: Response, maxBytes: number): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of body ?? []) {
    length += part.byteLength
    if (length > maxBytes) throw new RangeError(`the answer is longer than ${maxBytes} bytes`)
    parts.push(part)
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))
}
