// A small document from the network, with a bound on everything: how long it takes, how large it is, where it may lead.
import type { Clock } from '../core/index.js'

/** How much of the network is waited for. */
export interface FetchBounds {
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly clock: Clock
  readonly fetch: typeof fetch
}

/** What came, whole. */
export interface FetchedText {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** What is asked. Redirects are never followed: who answers is who was asked. */
export type Asking = Pick<RequestInit, 'method' | 'headers' | 'body'>

/** The answer, whatever its status. Rejects when the time is over, with the connection closed, and for an answer that is too long. */
export async function fetchText(url: URL, asking: Asking, bounds: FetchBounds): Promise<FetchedText> {
  const { timeoutMs, maxBytes, clock, fetch } = bounds
  const ending = new AbortController()
  const late = new Error(`${url.origin} did not answer within ${timeoutMs} ms`)
  const timer = clock.setTimer(() => ending.abort(late), timeoutMs)
  const expired = new Promise<never>((_, reject) => {
    ending.signal.addEventListener('abort', () => reject(ending.signal.reason), { once: true })
  })
  expired.catch(() => {}) // it is looked at only while something is waited for
  try {
    const response = await Promise.race([fetch(url, { ...asking, redirect: 'error', signal: ending.signal }), expired])
    const { status, headers } = response
    return { status, headers, text: await Promise.race([read(response, maxBytes), expired]) }
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
