// Certificates (mTLS): the transport has verified the chain and that the caller holds the key; here it is decided who that is to us.
import type { Awaitable, Context, PeerCertificate } from '../core/index.js'
import { type CrossSiteOptions, crossSiteRule } from './cross-site.js'
import { type Scheme, verdictOf } from './scheme.js'

/** Options of {@link certificate}. */
export interface CertificateOptions<P> extends CrossSiteOptions {
  /**
   * Who holds this certificate to us; `undefined` for nobody we know. Look at `uris` (SPIFFE) or `dnsNames`: a common name is what its
   * authority let somebody write.
   */
  readonly identify: (certificate: PeerCertificate, context: Context) => Awaitable<P | undefined>
}

/**
 * A scheme for the caller's certificate. A call without a verified one has no credential; one of somebody unknown fails with
 * `unauthenticated`/`CREDENTIALS_REJECTED`. Browsers show theirs for every site that sends them here, so other sites are refused as
 * `crossSite` says. Nothing that a caller writes into headers can stand for a certificate.
 *
 * @example
 * ```ts
 * import { certificate } from 'tenon/auth'
 *
 * export const internal = certificate({
 *   identify: ({ uris }) => (uris.includes('spiffe://shop/orders') ? { service: 'orders' } : undefined),
 * })
 * ```
 */
export function certificate<P extends object>(options: CertificateOptions<P>): Scheme<P> {
  const { identify } = options
  if (typeof identify !== 'function') throw new TypeError('certificate: identify must be a function')
  const refusal = crossSiteRule('certificate', options)
  return {
    name: 'certificate',
    verify(context, method) {
      const shown = context.peer.certificate
      if (shown === undefined) return undefined
      const refused = refusal(context, method)
      if (refused !== undefined) return refused
      return verdictOf(identify(shown, context), 'the certificate is of nobody known here')
    },
  }
}
