// Whom a client calls. Ours is a URL, as servers' addresses are; what only grpc-js knows (several addresses, sockets of the file
// system) is written as there: https://github.com/grpc/grpc/blob/master/doc/naming.md

/** A target, worked out. */
export interface Target {
  /** As grpc-js takes it: `dns:127.0.0.1:9090`. */
  readonly address: string
  /** For failures and logs: `127.0.0.1:9090`. */
  readonly peer: string
  readonly isSecure: boolean
}

const own = /^(?:(grpcs?|https?):\/\/)?((?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5})\/?$/
const grpcJs = /^(?:dns|unix|unix-abstract|ipv4|ipv6|xds):\S+$/

/** Reads a target. Throws `TypeError` for what is none. */
export function parseTarget(target: string): Target {
  const [, scheme = 'grpc', address] = own.exec(target) ?? []
  if (address !== undefined) return { address: `dns:${address}`, peer: address, isSecure: scheme.endsWith('s') }
  if (grpcJs.test(target)) return { address: target, peer: target.slice(target.indexOf(':') + 1), isSecure: false }
  throw new TypeError(`grpc: the target ${JSON.stringify(target)} is none like grpc://127.0.0.1:9090`)
}
