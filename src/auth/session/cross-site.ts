// Requests that another site makes a browser send (CSRF). A browser adds the session's cookie to them, so that a cookie alone does not
// tell that the user wanted it. The rule is that of Go 1.25's CrossOriginProtection: what browsers say of a request's origin, and no
// token in pages. Programs that are no browsers say nothing, and have no cookies of other people.
import type { Context } from '../../core/index.js'

/** Whether a browser says that another site, or another origin of this one, made it send this. */
export function isCrossSite({ metadata, peer }: Context): boolean {
  const site = metadata.get('sec-fetch-site')
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  const origin = metadata.get('origin')
  if (origin === undefined) return false
  return hostOf(origin) !== peer.host
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
