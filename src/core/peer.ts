// Who is at the other end of a call that came in, as the transport itself saw it: nothing here can be claimed by writing a header.
// The same on every transport that has connections, so that what authenticates by certificate knows no transport.

/** A certificate whose key the caller holds, and whose chain the transport verified. Nothing else ever gets here. */
export interface PeerCertificate {
  /** `orders`: the subject's common name, where there is exactly one. */
  readonly commonName?: string
  /** DNS names of the subjectAltName: `orders.shop.internal`. Empty where there are none. */
  readonly dnsNames: readonly string[]
  /** URIs of the subjectAltName: `spiffe://shop/orders`. Empty where there are none. */
  readonly uris: readonly string[]
  /** SHA-256 of the certificate, as 64 lower-case hex digits. */
  readonly fingerprint: string
  /** Hex, as its authority gave it. */
  readonly serialNumber: string
  /** The certificate itself, DER: for all that is not above. */
  readonly der: Uint8Array
}

/** Who calls. */
export interface Peer {
  /**
   * The caller's network address without its port: `203.0.113.7`, `2001:db8::1`. Absent where the transport has none (memory), or
   * where a trusted proxy does not tell it.
   */
  readonly address?: string
  /** Whether what the caller sent was encrypted, on the way to us or to the first proxy that is trusted. */
  readonly secure: boolean
  /** The host that the caller asked for, with its port if it named one: its own claim, like any header. */
  readonly host?: string
  /** Present only if the transport asked for a certificate and verified it. A proxy in front hides it. */
  readonly certificate?: PeerCertificate
}

/** Nothing is known: a call that did not come over a network. */
export const noPeer: Peer = Object.freeze({ secure: false })
