/** A certificate that a caller has shown, of any bytes: what tokens are bound to. */
import { createHash } from 'node:crypto'
import type { PeerCertificate } from '../../src/core/index.js'

export const certificateOf = (der: string): PeerCertificate => ({
  dnsNames: [],
  uris: [],
  fingerprint: createHash('sha256').update(der).digest('hex'),
  serialNumber: '01',
  der: Buffer.from(der),
})
