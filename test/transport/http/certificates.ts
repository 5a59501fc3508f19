/**
 * Certificates made when a test runs: nothing that expires is committed. X.509 v3 written by hand (RFC 5280): a dozen DER values, for
 * which the libraries that can do it bring twenty packages.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** What a certificate says. */
export interface CertificateInit {
  /** The common name; several make the name ambiguous. */
  readonly name: string | readonly string[]
  readonly dns?: readonly string[]
  readonly uris?: readonly string[]
  readonly ips?: readonly string[]
  /** @defaultValue an hour ago */
  readonly from?: Date
  /** @defaultValue in an hour */
  readonly until?: Date
  /** @defaultValue itself */
  readonly issuer?: Certificate
  readonly isAuthority?: boolean
}

/** A certificate with its key. */
export interface Certificate {
  /** PEM. */
  readonly cert: string
  /** PEM. */
  readonly key: string
  readonly der: Buffer
  readonly subject: Buffer
}

const hour = 3_600_000
let serial = 0x1000

export function certificate(init: CertificateInit): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { from = new Date(Date.now() - hour), until = new Date(Date.now() + hour) } = init
  const subject = nameOf(init.name)
  const issuer = init.issuer?.subject ?? subject
  const signer: KeyObject = init.issuer === undefined ? privateKey : createPrivateKey(init.issuer.key)
  const body = sequence(
    tagged(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([(serial >> 8) & 0x7f, serial++ & 0xff])),
    ecdsaWithSha256,
    issuer,
    sequence(time(from), time(until)),
    subject,
    publicKey.export({ format: 'der', type: 'spki' }),
    tagged(0xa3, sequence(...extensionsOf(init))),
  )
  const signature = sign('sha256', body, signer)
  const bytes = sequence(body, ecdsaWithSha256, der(0x03, Buffer.concat([Buffer.from([0]), signature])))
  return { cert: pem(bytes), key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), der: bytes, subject }
}

function extensionsOf({ dns = [], uris = [], ips = [], isAuthority = false }: CertificateInit): Buffer[] {
  const names = [
    ...dns.map(name => der(0x82, Buffer.from(name, 'latin1'))),
    ...uris.map(uri => der(0x86, Buffer.from(uri, 'latin1'))),
    ...ips.map(ip => der(0x87, Buffer.from(ip.split('.').map(Number)))),
  ]
  const basic = sequence(oid(0x55, 0x1d, 0x13), critical, octets(sequence(...(isAuthority ? [critical] : []))))
  return names.length === 0 ? [basic] : [basic, sequence(oid(0x55, 0x1d, 0x11), octets(sequence(...names)))]
}

const critical = der(0x01, Buffer.from([0xff]))
const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))

function nameOf(names: string | readonly string[]): Buffer {
  const commonNames = typeof names === 'string' ? [names] : names
  return sequence(
    ...commonNames.map(name => der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from(name, 'utf8'))))),
  )
}

function time(at: Date): Buffer {
  return der(0x18, Buffer.from(`${at.toISOString().replace(/\.\d+|[-:T]/g, '')}`, 'latin1'))
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function tagged(tag: number, content: Buffer): Buffer {
  return der(tag, content)
}

function octets(content: Buffer): Buffer {
  return der(0x04, content)
}

function oid(...bytes: readonly number[]): Buffer {
  return der(0x06, Buffer.from(bytes))
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
