// Where a client's calls go.

/** The URL of a target. Throws `TypeError` for what is none, or holds credentials, a query or a fragment. */
export function parseTarget(target: string): URL {
  const url = URL.canParse(target) ? new URL(target) : undefined
  if (
    url === undefined ||
    (url.protocol !== 'http:' && url.protocol !== 'https:') ||
    url.search !== '' ||
    url.hash !== ''
  ) {
    throw new TypeError(`http: '${target}' is no target like http://127.0.0.1:8080`)
  }
  if (url.username !== '' || url.password !== '')
    throw new TypeError('http: a target holds no credentials: send them as metadata')
  return url
}
