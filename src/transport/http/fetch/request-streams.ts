// Whether this platform's fetch sends request streams. Browsers do so over HTTP/2 alone, or not at all: some would send the
// text "[object ReadableStream]", and say so nowhere.

/** Why a request stream cannot get to `target`; undefined where nothing is known to be in its way. */
export function obstacleToStreams(target: URL): string | undefined {
  if (!takesStreams()) return 'this platform cannot send request streams'
  // Over http:// browsers speak HTTP/1.1. Whether a server at https:// speaks HTTP/2 is not known before it was asked.
  if (target.protocol !== 'http:' || !isBrowser()) return undefined
  return 'browsers send request streams over HTTP/2 alone, which they speak with https:// targets only'
}

/** A body that became text has a content type. */
function takesStreams(): boolean {
  const init: RequestInit = { method: 'POST', body: new ReadableStream(), duplex: 'half' }
  try {
    return !new Request('http://stream.test', init).headers.has('content-type')
  } catch {
    return false
  }
}

function isBrowser(): boolean {
  const agent: unknown = Reflect.get(Object(Reflect.get(globalThis, 'navigator')), 'userAgent')
  return typeof agent === 'string' && agent.startsWith('Mozilla/')
}
