// The certificate that a caller showed and TLS verified, as `context.peer` gives it. Kept beside the socket: once that is closed it
// knows nothing any more, and whoever logs an aborted call asks just then.
import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { PeerCertificate } from '../core/index.js'

const verified: WeakMap<Socket, X509Certificate> = new WeakMap()

/** Remembers the certificate that a caller showed, if any; false for one that was not verified. */
export function rememberCertificate(socket: TLSSocket): boolean {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return true
  if (!socket.authorized) return false
  verified.set(socket, certificate)
  return true
}

/** The caller's verified certificate. */
export function certificateOf(socket: Socket): PeerCertificate | undefined {
  const certificate = verified.get(socket) ?? shownOver(socket)
  return certificate === undefined ? undefined : peerCertificate(certificate)
}

/** Of a server that is not ours: `authorized` is what that made of the certificate. */
function shownOver(socket: Socket): X509Certificate | undefined {
  if (!('authorized' in socket) || socket.authorized !== true || !('getPeerX509Certificate' in socket)) return undefined
  return (socket as TLSSocket).getPeerX509Certificate() // it has both
}

function peerCertificate(certificate: X509Certificate): PeerCertificate {
  // What node's own types call a certificate of TLS: an attribute that is given several times is a list.
  const { subject } = certificate.toLegacyObject() as { readonly subject?: { readonly CN?: unknown } }
  const names = alternativeNames(certificate.subjectAltName ?? '')
  const of = (type: string): string[] => names.flatMap(([given, name]) => (given === type ? [name] : []))
  return {
    ...(typeof subject?.CN === 'string' && { commonName: subject.CN }),
    dnsNames: of('DNS'),
    uris: of('URI'),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    serialNumber: certificate.serialNumber,
    der: certificate.raw,
  }
}

/**
 * The names in what node makes of a subjectAltName: `DNS:a, URI:"spiffe://x\u002c DNS:b"`. Quoted are those that could be taken for
 * several, as JSON (CVE-2021-44532).
 */
export function alternativeNames(text: string): (readonly [type: string, name: string])[] {
  const names: (readonly [string, string])[] = []
  const rule = /(?:^|, )([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)/gy
  for (let match = rule.exec(text); match !== null; match = rule.exec(text)) {
    const [, type = '', name = ''] = match
    names.push([type, name.startsWith('"') ? String(JSON.parse(name)) : name])
  }
  return names
}
