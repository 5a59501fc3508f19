// Who calls where proxies are in front. Each proxy adds whom it heard, on the right, so the header is read from the right, for as long
// as the one who wrote it is trusted; everything further left is what somebody claims. Semantics of the table in RFC 7239, section 7.4,
// and of proxy-addr, but for entries that are no address: those are nobody.
import { BlockList, isIP } from 'node:net'
import type { Peer } from '../../core/index.js'
import { isHost, plainAddress } from '../address.js'
import type { HttpHeaders } from './message.js'

/** Which proxies are trusted, and what they write. */
export interface TrustedProxiesOptions {
  /**
   * The proxies whose word counts about who calls: their addresses, also as networks (`10.0.0.0/8`, `fd00::/8`) or by the names
   * `loopback`, `linklocal` and `uniquelocal`; or how many of them every request comes through, from 1 to 32, where nobody can reach
   * the server but through them. @defaultValue none
   */
  readonly trustedProxies?: number | readonly string[]
  /**
   * The headers that they write: `X-Forwarded-For`, `-Proto` and `-Host`, or `Forwarded` (RFC 7239). The other kind is not looked at: a
   * proxy passes on what it does not know, just as the caller wrote it. @defaultValue 'x-forwarded'
   */
  readonly proxyHeaders?: 'x-forwarded' | 'forwarded'
}

/** Finds out who called the first of the proxies that are trusted. */
export type ThroughProxies = (direct: Peer, headers: HttpHeaders) => Peer

type Trust = (address: string | undefined, hop: number) => boolean

/** Undefined where no proxy is trusted. Throws `TypeError` and `RangeError` for what names none, or everybody. */
export function trustedProxiesOf({ trustedProxies, proxyHeaders }: TrustedProxiesOptions): ThroughProxies | undefined {
  if (proxyHeaders !== undefined && proxyHeaders !== 'x-forwarded' && proxyHeaders !== 'forwarded')
    throw new TypeError("http: proxyHeaders must be 'x-forwarded' or 'forwarded'")
  if (trustedProxies === undefined) {
    if (proxyHeaders !== undefined) throw new TypeError('http: proxyHeaders needs trustedProxies')
    return undefined
  }
  const trusts = typeof trustedProxies === 'number' ? byCount(trustedProxies) : byAddress(trustedProxies)
  const read = proxyHeaders === 'forwarded' ? fromForwarded : fromXForwarded
  // What the connection says of its certificate is the proxy's.
  return (direct, headers) => (trusts(direct.address, 0) ? read(direct, headers, trusts) : direct)
}

function byCount(count: number): Trust {
  if (!Number.isInteger(count) || count < 1 || count > 32)
    throw new RangeError(`http: trustedProxies must be a whole number from 1 to 32, got ${count}`)
  return (_, hop) => hop < count
}

const named: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
}

function byAddress(networks: readonly string[]): Trust {
  if (!Array.isArray(networks) || networks.length === 0)
    throw new TypeError('http: trustedProxies must name a network at least, or be a number')
  const list = new BlockList()
  for (const network of networks.flatMap(each => (Object.hasOwn(named, each) ? (named[each] ?? []) : [each])))
    add(list, network)
  return address => address !== undefined && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

function add(list: BlockList, network: string): void {
  const [, address = '', digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(network) ?? []
  const version = address.includes('%') ? 0 : isIP(address)
  const most = version === 6 ? 128 : 32
  const bits = digits === undefined ? most : Number(digits)
  if (version === 0 || bits > most)
    throw new TypeError(`http: trustedProxies: ${JSON.stringify(network)} is no address and no network like 10.0.0.0/8`)
  if (bits === 0) throw new TypeError(`http: trustedProxies: ${network} is everybody: anyone could say to be anyone`)
  list.addSubnet(address, bits, version === 6 ? 'ipv6' : 'ipv4')
}

function fromXForwarded(direct: Peer, headers: HttpHeaders, trusts: Trust): Peer {
  const callers = listOf(headers, 'x-forwarded-for')
  let { address } = direct
  let hops = 0
  while (hops < callers.length) {
    address = addressIn(callers[callers.length - 1 - hops++])
    if (address === undefined || !trusts(address, hops)) break
  }
  // Of lists that every proxy adds to, what the last one that is trusted wrote; of shorter ones, the first that any of them wrote.
  const saidBy = (name: string): string | undefined => {
    const values = listOf(headers, name)
    return values[Math.max(0, values.length - Math.max(1, hops))]
  }
  return peerWith(direct, { address, protocol: saidBy('x-forwarded-proto'), host: saidBy('x-forwarded-host') })
}

function fromForwarded(direct: Peer, headers: HttpHeaders, trusts: Trust): Peer {
  let { address } = direct
  let protocol: string | undefined
  let host: string | undefined
  let hop = 0
  for (const element of elementsFromRight(joined(headers, 'forwarded'))) {
    const said = parametersOf(element)
    address = addressIn(said?.get('for'))
    protocol = said?.get('proto') ?? protocol
    host = said?.get('host') ?? host
    if (address === undefined || !trusts(address, ++hop)) break
  }
  return peerWith(direct, { address, protocol, host })
}

function peerWith(direct: Peer, said: Readonly<Record<'address' | 'protocol' | 'host', string | undefined>>): Peer {
  const protocol = said.protocol?.toLowerCase()
  const host = said.host !== undefined && isHost(said.host) ? said.host : direct.host
  return {
    secure: protocol === 'https' || (protocol !== 'http' && direct.secure),
    ...(said.address !== undefined && { address: said.address }),
    ...(host !== undefined && { host }),
  }
}

function joined(headers: HttpHeaders, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : (value?.join(',') ?? '')
}

function listOf(headers: HttpHeaders, name: string): string[] {
  const text = joined(headers, name)
  return text.trim() === '' ? [] : text.split(',').map(each => each.trim())
}

/** The address in `203.0.113.7`, `203.0.113.7:4711`, `2001:db8::1` or `[2001:db8::1]:4711`; undefined for `unknown`, `_hidden` and what is none. */
function addressIn(text: string | undefined): string | undefined {
  if (text === undefined || text.length > 64) return undefined
  const [, bracketed, withPort] = /^(?:\[([^\]]+)\](?::[\w.-]+)?|(\d[\d.]+):[\w.-]+)$/.exec(text) ?? []
  const address = (bracketed ?? withPort ?? text).split('%', 1)[0] ?? ''
  const version = isIP(address)
  if (version === 0 || (bracketed !== undefined && version !== 6)) return undefined
  return version === 4 ? address : canonical(address)
}

/** One way to write each address (RFC 5952), so that nobody is two to a limit. */
function canonical(address: string): string {
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short) ?? []
  if (high === undefined || low === undefined) return plainAddress(short) ?? short
  const bits = (Number.parseInt(high, 16) << 16) | Number.parseInt(low, 16)
  return [24, 16, 8, 0].map(shift => (bits >>> shift) & 0xff).join('.')
}

/** Read from the right, so that a quote which a caller left open on the left swallows nothing that a proxy wrote. */
export function* elementsFromRight(header: string): Generator<string, void, undefined> {
  let end = header.length
  let quoted = false
  for (let at = end - 1; at >= 0; at--) {
    const character = header[at]
    if (character === '"') quoted = quoted ? isEscaped(header, at) : true
    else if (character === ',' && !quoted) {
      yield header.slice(at + 1, end)
      end = at
    }
  }
  if (end > 0) yield header.slice(0, end)
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text[at - 1 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 1
}

/** The parameters of one element; undefined for one that is malformed. */
function parametersOf(element: string): ReadonlyMap<string, string> | undefined {
  const parameters = new Map<string, string>()
  const rule = /[ \t]*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([\w!#$%&'*+.^`|~:[\]-]+))[ \t]*(?:;|$)/gy
  while (rule.lastIndex < element.length) {
    const match = rule.exec(element)
    const [, name = '', quoted, token] = match ?? []
    if (match === null || parameters.has(name.toLowerCase())) return undefined
    parameters.set(name.toLowerCase(), token ?? quoted?.replace(/\\(.)/g, '$1') ?? '')
  }
  return parameters
}
