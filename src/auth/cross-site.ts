// Requests that another site makes a browser send (CSRF). A browser adds to them by itself what it has for us: cookies, a password that
// was typed in, a certificate; so that these alone do not tell that the user wanted it. The rule is that of Go 1.25's
// CrossOriginProtection: what browsers say of a request's origin, and no token in pages. Programs that are no browsers say nothing.
import { type Context, type Failure, failed, type Left, type MethodInfo, type Peer } from '../core/index.js'

/** An option of the schemes whose credentials browsers send by themselves. */
export interface CrossSiteOptions {
  /**
   * What becomes of a call that another site, or another origin of this one, made a browser send, and whose method is not `safe`. `refuse`:
   * it fails with `permission_denied`/`CROSS_SITE_REQUEST`. `allow`: for pages of other origins that are meant to call, with `cors`, and
   * behind a proxy that asks this itself. Programs that are no browsers are let in by both. @defaultValue 'refuse'
   */
  readonly crossSite?: 'refuse' | 'allow'
}

/** Judges calls by the option. Throws `RangeError` for what is none of its values. */
export function crossSiteRule(
  owner: string,
  { crossSite = 'refuse' }: CrossSiteOptions,
): (context: Context, method: MethodInfo | undefined) => Left<Failure> | undefined {
  if (crossSite !== 'refuse' && crossSite !== 'allow')
    throw new RangeError(`${owner}: crossSite must be 'refuse' or 'allow', got '${String(crossSite)}'`)
  return (context, method) =>
    crossSite === 'refuse' && method?.idempotency !== 'safe' && isCrossSite(context)
      ? failed('permission_denied', 'CROSS_SITE_REQUEST', 'another site may not do that', { ran: 'no' })
      : undefined
}

/** Whether a browser says that another site, or another origin of this one, made it send this. What cannot be told is another one. */
function isCrossSite({ metadata, peer }: Context): boolean {
  const site = metadata.get('sec-fetch-site')
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  const origin = metadata.get('origin')
  return origin !== undefined && !isOwn(origin, peer)
}

/**
 * Whether an origin is ours, ports that are the scheme's own left out. Where the call came encrypted, so must the page have. Where it did
 * not, a proxy that we do not know of may have taken the encryption off.
 */
function isOwn(origin: string, { host, secure }: Peer): boolean {
  const [, scheme = ''] = /^(https?):\/\/[^/?#@\\]+$/i.exec(origin) ?? []
  const asked = `${scheme}://${host}`
  if (scheme === '' || host === undefined || !URL.canParse(origin) || !URL.canParse(asked)) return false
  const { host: ours, protocol } = new URL(asked)
  return new URL(origin).host === ours && (protocol === 'https:' || !secure)
}
