// TLS of servers: what may be set, and what is refused before they listen. node:tls takes 14 ms to load, so it is loaded
// where it is used.
import type { SecureContext, SecureContextOptions } from 'node:tls'
import type { Awaitable } from '../core/index.js'
import { limitsOf } from './limit.js'
import type { Pem, PemTexts } from './pem.js'

/** Who a server says it is. */
export interface TlsIdentity {
  /** The private key, not encrypted. */
  readonly key: Pem
  /** The certificate, followed by those between it and its root. */
  readonly cert: Pem
}

/** Options of `tls` of `server`. */
export interface TlsOptions extends TlsIdentity {
  /** The authorities that callers' certificates must come from. Required where those are asked for. @defaultValue none */
  readonly ca?: Pem | readonly Pem[]
  /**
   * Whether callers show a certificate: who has none, or one that is not verified, is turned away while the connection opens
   * (`required`), or only the latter is (`optional`). Handlers find it in `context.peer.certificate`. @defaultValue nobody is asked
   */
  readonly clientCertificate?: 'required' | 'optional'
  /** The oldest version that is spoken. @defaultValue 'TLSv1.2' */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
  /** How long a handshake may take, in ms. @defaultValue 10 000 */
  readonly handshakeTimeoutMs?: number
  /**
   * Who the server is for a name that the caller asked for, in lower case; `undefined` for the identity above. What it gives is
   * prepared once: give the same object again. What it throws is reported, and that one connection is closed.
   * @defaultValue the identity above, whatever the name
   */
  readonly sni?: (servername: string) => Awaitable<TlsIdentity | undefined>
}

/** The options, each with a value. */
export interface TlsSettings extends Pick<TlsOptions, 'ca' | 'clientCertificate' | 'sni'> {
  readonly identity: TlsIdentity
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  readonly handshakeTimeoutMs: number
}

/** The options, each with a value. Throws `TypeError` and `RangeError` for those that cannot work, or would protect nothing. */
export function tlsSettingsOf(options: TlsOptions): TlsSettings {
  const { key, cert, ca, clientCertificate, minVersion = 'TLSv1.2', sni } = options
  if (minVersion !== 'TLSv1.2' && minVersion !== 'TLSv1.3')
    throw new TypeError(`tls.minVersion must be 'TLSv1.2' or 'TLSv1.3', got ${JSON.stringify(minVersion)}`)
  if (clientCertificate !== undefined && clientCertificate !== 'required' && clientCertificate !== 'optional')
    throw new TypeError("tls.clientCertificate must be 'required' or 'optional'")
  if (clientCertificate !== undefined && isNothing(ca))
    throw new TypeError('tls.clientCertificate needs tls.ca: every public authority could vouch for callers otherwise')
  const settings: TlsSettings = {
    identity: { key, cert },
    minVersion,
    handshakeTimeoutMs: limitsOf('tls')('handshakeTimeoutMs', options.handshakeTimeoutMs ?? 10_000),
    ...(ca !== undefined && { ca }),
    ...(clientCertificate !== undefined && { clientCertificate }),
    ...(sni !== undefined && { sni }),
  }
  secureContext(settings, settings.identity)
  return settings
}

/** What connections are secured with. Throws `TypeError` for a key or a certificate that is none, and for two that do not belong together. */
export function secureContext(settings: Omit<TlsSettings, 'identity'>, { key, cert }: TlsIdentity): SecureContext {
  if (isNothing(key) || isNothing(cert)) throw new TypeError('tls needs a key and a cert, as PEM')
  return secured({ ...contextOptions(settings, { key, cert }) })
}

/** The same as options of node:tls. */
export function contextOptions(
  { ca, minVersion }: Omit<TlsSettings, 'identity'>,
  { key, cert }: TlsIdentity,
): SecureContextOptions {
  return { ...pemOf({ key, cert, ca }), minVersion }
}

/** PEM as node:tls wants it. */
export function pemOf({
  key,
  cert,
  ca,
}: {
  readonly key?: Pem | undefined
  readonly cert?: Pem | undefined
  readonly ca?: Pem | readonly Pem[] | undefined
}): PemTexts {
  return {
    ...(key !== undefined && { key: textOf(key) }),
    ...(cert !== undefined && { cert: textOf(cert) }),
    ...(ca !== undefined && { ca: isList(ca) ? ca.map(textOf) : textOf(ca) }),
  }
}

/** Throws `TypeError` where node:tls cannot use them. */
export function secured(options: SecureContextOptions): SecureContext {
  try {
    return process.getBuiltinModule('node:tls').createSecureContext(options)
  } catch (cause) {
    throw new TypeError(`tls: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

function textOf(pem: Pem): string {
  return typeof pem === 'string' ? pem : Buffer.from(pem).toString('latin1')
}

function isList(value: Pem | readonly Pem[]): value is readonly Pem[] {
  return Array.isArray(value)
}

function isNothing(value: Pem | readonly Pem[] | undefined): boolean {
  return value === undefined || value === null || value.length === 0
}
