// Addresses of those who decide whom we trust. Whoever can answer for one of them is trusted instead, and so it is https.

/** The address. Throws `TypeError` for one that anybody on the way could answer for, and for one with a password in it. */
export function trustedUrl(given: string | URL, option: string): URL {
  if (!URL.canParse(String(given))) throw new TypeError(`${option} must be an absolute URL`)
  const url = new URL(given)
  if (url.protocol !== 'https:' && !isLocal(url))
    throw new TypeError(`${option} must be https, since whoever answers decides whose tokens are good`)
  if (url.username !== '' || url.password !== '') throw new TypeError(`${option} must be without user and password`)
  return url
}

/** Whether nobody but this machine hears what is said there. */
export function isLocal({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
}
