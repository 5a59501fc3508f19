// Whether a place that a caller named is on this server: what a browser makes of it counts, not what it looks like. A server that sends its
// users wherever a caller says is an open redirect (CWE-601).

/** Any will do: what is another place for it, is one for every server. */
const here = 'http://here.invalid'

/** The place as a URL; undefined for what browsers would read differently than we do: they drop line breaks, and take a backslash for a slash. */
export function placeOf(location: string): URL | undefined {
  if (!/^[\x21-\x5b\x5d-\x7e]+$/.test(location) || !URL.canParse(location, here)) return undefined
  const url = new URL(location, here)
  return url.username === '' && url.password === '' ? url : undefined
}

/** Whether it is a path of this server: `/orders/7?tab=1`, and not `//evil.example`. */
export function isLocalPath(location: string): boolean {
  return location.startsWith('/') && placeOf(location)?.origin === here
}
