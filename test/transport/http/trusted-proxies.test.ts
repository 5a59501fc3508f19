/** Who calls, where proxies are in front: counted from the right, for as long as whoever wrote it is trusted, and not a step further. */
import fc from 'fast-check'
import proxyAddr from 'proxy-addr'
import type { Peer } from 'tenon/core'
import * as http from 'tenon/transport/http'
import { describe, expect, test } from 'vitest'
import {
  elementsFromRight,
  type TrustedProxiesOptions,
  trustedProxiesOf,
} from '../../../src/transport/http/trusted-proxies.js'
import { deep } from '../../deep.js'
import { cpuMs } from '../cpu.js'
import { open, served } from './served.js'
import { newLog, shop } from './shop.js'

const proxy = '10.0.0.1'
const direct: Peer = { address: proxy, secure: false, host: 'shop.example' }
const nets = ['10.0.0.0/8', 'fd00::/8']

function peer(
  headers: Readonly<Record<string, string>>,
  options: TrustedProxiesOptions = {},
  from: Peer = direct,
): Peer {
  const throughProxies = trustedProxiesOf({ trustedProxies: nets, ...options })
  if (throughProxies === undefined) throw new Error('no proxy is trusted')
  return throughProxies(from, headers)
}

describe('X-Forwarded-For', () => {
  test.for<[string, string, string | undefined]>([
    ['the caller', '203.0.113.7', '203.0.113.7'],
    ['proxies between', '203.0.113.7, 10.0.0.3, 10.0.0.2', '203.0.113.7'],
    ['a claim on the left', '198.51.100.1, 203.0.113.7', '203.0.113.7'],
    ['a claim behind a proxy of ours', '198.51.100.1, 203.0.113.7, 10.0.0.2', '203.0.113.7'],
    ['a claim to be a proxy of ours', '10.9.9.9, 203.0.113.7', '203.0.113.7'],
    ['only proxies of ours', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['a port', '203.0.113.7:4711', '203.0.113.7'],
    ['IPv6', '2001:DB8:0:0::1', '2001:db8::1'],
    ['IPv6 in brackets, a port', '[2001:db8::1]:443', '2001:db8::1'],
    ['a zone', 'fe80::1%eth0', 'fe80::1'],
    ['IPv4 in IPv6', '::ffff:203.0.113.7', '203.0.113.7'],
    ['IPv4 in IPv6, in hex', '0:0:0:0:0:ffff:cb00:7107', '203.0.113.7'],
    ['a proxy of ours in IPv6 dress', '203.0.113.7, ::ffff:10.0.0.2', '203.0.113.7'],
    ['an IPv6 proxy', '203.0.113.7, fd00::2', '203.0.113.7'],
    ['no blanks', '203.0.113.7,10.0.0.2', '203.0.113.7'],
    ['nothing', '', proxy],
    ['unknown', 'unknown', undefined],
    ['unknown behind a proxy of ours', '203.0.113.7, unknown, 10.0.0.2', undefined],
    ['an obfuscated name', '_gazonk', undefined],
    ['an empty entry', '203.0.113.7, ', undefined],
    ['a name', 'evil.example', undefined],
    ['markup', '<script>', undefined],
    ['too many numbers', '1.2.3.4.5', undefined],
    ['octal', '010.0.0.1', undefined],
    ['one number', '2130706433', undefined],
    ['half a bracket', '[2001:db8::1', undefined],
    ['IPv4 in brackets', '[203.0.113.7]', undefined],
    ['an endless entry', '1'.repeat(10_000), undefined],
    ['100 entries', Array.from({ length: 100 }, (_, i) => `203.0.113.${i}`).join(', '), '203.0.113.99'],
    ['100 proxies', Array.from({ length: 100 }, (_, i) => `10.0.0.${i}`).join(', '), '10.0.0.0'],
  ])('%s', ([, header, address]) => {
    expect(peer({ 'x-forwarded-for': header }).address).toBe(address)
  })

  test('says nothing where it comes from somebody who is not trusted', () => {
    const headers = {
      'x-forwarded-for': '198.51.100.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.example',
    }
    const stranger: Peer = { address: '203.0.113.7', secure: false, host: 'shop.example' }
    expect(peer(headers, {}, stranger)).toBe(stranger)
    const { address: _, ...hidden } = stranger
    expect(peer(headers, {}, hidden)).toBe(hidden)
  })

  test.for([
    [1, '198.51.100.1, 203.0.113.7', '203.0.113.7'],
    [2, '198.51.100.1, 203.0.113.7, 172.16.0.1', '203.0.113.7'],
    [2, '203.0.113.7', '203.0.113.7'],
    [3, '198.51.100.1, 203.0.113.7', '198.51.100.1'],
    [1, '', proxy],
  ] as const)('by count: %i of %j is %s', ([trustedProxies, header, address]) => {
    expect(peer({ 'x-forwarded-for': header }, { trustedProxies }).address).toBe(address)
  })

  test('agrees with proxy-addr on every list of addresses', () => {
    const address = fc.constantFrom(
      '10.0.0.1',
      '10.1.2.3',
      '192.168.7.7',
      '203.0.113.7',
      '198.51.100.1',
      '2001:db8::1',
      'fd00::7',
      '::1',
      '127.0.0.1',
    )
    const network = fc.constantFrom(
      '10.0.0.0/8',
      '10.0.0.1',
      '192.168.0.0/16',
      'fd00::/8',
      '2001:db8::1',
      'loopback',
      'uniquelocal',
      '203.0.113.0/24',
    )
    const trust = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.uniqueArray(network, { minLength: 1, maxLength: 4 }))
    fc.assert(
      fc.property(address, fc.array(address, { maxLength: 8 }), trust, (remoteAddress, callers, trustedProxies) => {
        const header = callers.join(', ')
        const trusts =
          typeof trustedProxies === 'number'
            ? (_: string, hop: number) => hop < trustedProxies
            : proxyAddr.compile(trustedProxies)
        const request = {
          socket: { remoteAddress },
          connection: { remoteAddress },
          headers: { 'x-forwarded-for': header },
        }
        const wanted = proxyAddr(request as never, trusts)
        expect(
          peer({ 'x-forwarded-for': header }, { trustedProxies }, { address: remoteAddress, secure: false }).address,
        ).toBe(wanted)
      }),
      { numRuns: deep(500, 20_000) },
    )
  })
})

describe('X-Forwarded-Proto and -Host', () => {
  test.for<[string, Record<string, string>, boolean, string]>([
    [
      'of the proxy',
      { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'www.example' },
      true,
      'www.example',
    ],
    [
      'lists, claims on the left',
      {
        'x-forwarded-for': '203.0.113.7',
        'x-forwarded-proto': 'https, http',
        'x-forwarded-host': 'evil.example, www.example',
      },
      false,
      'www.example',
    ],
    [
      'lists of two proxies',
      {
        'x-forwarded-for': '203.0.113.7, 10.0.0.2',
        'x-forwarded-proto': 'https, http',
        'x-forwarded-host': 'www.example, inner',
      },
      true,
      'www.example',
    ],
    [
      'lists of two proxies and a claim',
      { 'x-forwarded-for': '1.1.1.1, 203.0.113.7, 10.0.0.2', 'x-forwarded-proto': 'https, http, http' },
      false,
      'shop.example',
    ],
    [
      'one value of two proxies',
      { 'x-forwarded-for': '203.0.113.7, 10.0.0.2', 'x-forwarded-proto': 'https' },
      true,
      'shop.example',
    ],
    ['without an address', { 'x-forwarded-proto': 'HTTPS' }, true, 'shop.example'],
    ['nonsense', { 'x-forwarded-proto': 'javascript', 'x-forwarded-host': 'a b<script>' }, false, 'shop.example'],
    ['a host with a path', { 'x-forwarded-host': 'www.example/evil' }, false, 'shop.example'],
    ['a host with credentials', { 'x-forwarded-host': 'a@b.example' }, false, 'shop.example'],
    ['a host with a port', { 'x-forwarded-host': 'www.example:8443' }, false, 'www.example:8443'],
    ['an IPv6 host', { 'x-forwarded-host': '[2001:db8::1]:8443' }, false, '[2001:db8::1]:8443'],
  ])('%s', ([, headers, secure, host]) => {
    expect(peer(headers)).toMatchObject({ secure, host })
  })

  test('plain HTTP to the proxy is not secure, whatever the connection from it is', () => {
    expect(peer({ 'x-forwarded-proto': 'http' }, {}, { ...direct, secure: true }).secure).toBe(false)
    expect(peer({}, {}, { ...direct, secure: true }).secure).toBe(true)
  })

  test("the certificate of a proxy's connection is not the caller's", () => {
    const certificate = { dnsNames: [], uris: [], fingerprint: '', serialNumber: '', der: new Uint8Array() }
    expect(peer({ 'x-forwarded-for': '203.0.113.7' }, {}, { ...direct, certificate })).not.toHaveProperty('certificate')
  })
})

describe('Forwarded', () => {
  const forwarded = (header: string): Peer =>
    peer({ forwarded: header, 'x-forwarded-for': '198.51.100.9' }, { proxyHeaders: 'forwarded' })

  test.for<[string, Partial<Peer>]>([
    ['for=203.0.113.7', { address: '203.0.113.7', secure: false, host: 'shop.example' }],
    [
      'For="203.0.113.7:4711";Proto=HTTPS;Host="www.example:8443";by=10.0.0.1',
      { address: '203.0.113.7', secure: true, host: 'www.example:8443' },
    ],
    ['for="[2001:db8:cafe::17]:4711"', { address: '2001:db8:cafe::17' }],
    ['for=203.0.113.7;proto=https, for=10.0.0.2;proto=http', { address: '203.0.113.7', secure: true }],
    ['for=198.51.100.1;proto=https, for=203.0.113.7;proto=http', { address: '203.0.113.7', secure: false }],
    ['for=203.0.113.7, for=10.0.0.2;proto=https', { address: '203.0.113.7', secure: true }],
    ['for="a\\"b, for=198.51.100.1", for=203.0.113.7', { address: '203.0.113.7' }],
    ['for=203.0.113.7, for=10.0.0.2;ext="a\\",b"', { address: '203.0.113.7' }],
    // A quote left open by the caller must not hide what the proxy added.
    ['for="198.51.100.1, for=203.0.113.7', { address: '203.0.113.7' }],
    ['for="\\", for=203.0.113.7;host="www.example"', { address: '203.0.113.7', host: 'www.example' }],
  ])('%s', ([header, wanted]) => {
    expect(forwarded(header)).toMatchObject(wanted)
  })

  test.for([
    'for=unknown',
    'for=_hidden',
    'for="_hidden:_port"',
    'proto=https',
    'for',
    'for=',
    'for=a b',
    'for=1.2.3.4;for=5.6.7.8',
    'for=203.0.113.7;',
    ';',
    'for="203.0.113.7',
    '<script>',
  ])('in %s there is no caller, or one', header => {
    const { address } = forwarded(header)
    expect(address).toBe(header === 'for=203.0.113.7;' ? '203.0.113.7' : undefined)
  })

  test('never throws, never gives what is no address, and what a proxy added counts whatever was before it', () => {
    const piece = fc.oneof(
      fc.constantFrom('for=', '"', '\\', ',', ';', '=', '203.0.113.7', 'proto=https', '[', ']', ' '),
      fc.string({ maxLength: 4 }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), pieces => {
        const claim = pieces.join('')
        expect(forwarded(claim).address ?? '10.0.0.1').toMatch(/^[0-9a-f.:]+$/)
        expect(forwarded(`${claim}, for=203.0.113.99;proto=http`)).toMatchObject({
          address: '203.0.113.99',
          secure: false,
        })
        expect(peer({ 'x-forwarded-for': `${claim}, 203.0.113.99` }).address).toBe('203.0.113.99')
      }),
      { numRuns: deep(500, 20_000) },
    )
  })

  test('takes time in proportion to the text', () => {
    const [short, long] = [2_000, 8_000].map(length =>
      cpuMs(() => {
        for (let i = 0; i < 50; i++)
          for (const text of ['\\', '"\\"', ',', 'for="'])
            Array.from(elementsFromRight(text.repeat(length / text.length)))
      }),
    ) as [number, number]
    expect(long).toBeLessThan(Math.max(50, short * 12))
  })
})

describe('options', () => {
  test.for<[TrustedProxiesOptions, string]>([
    [{ trustedProxies: 0 }, 'from 1 to 32'],
    [{ trustedProxies: 1.5 }, 'from 1 to 32'],
    [{ trustedProxies: 33 }, 'from 1 to 32'],
    [{ trustedProxies: true as never }, 'must name a network'],
    [{ trustedProxies: [] }, 'must name a network'],
    [{ trustedProxies: ['proxy.internal'] }, 'is no address'],
    [{ trustedProxies: ['10.0.0.0/33'] }, 'is no address'],
    [{ trustedProxies: ['10.0.0.0/8/8'] }, 'is no address'],
    [{ trustedProxies: ['fd00::/129'] }, 'is no address'],
    [{ trustedProxies: ['0.0.0.0/0'] }, 'is everybody'],
    [{ trustedProxies: ['::/0'] }, 'is everybody'],
    [{ trustedProxies: 1, proxyHeaders: 'X-Forwarded-For' as never }, 'proxyHeaders'],
    [{ proxyHeaders: 'forwarded' }, 'needs trustedProxies'],
  ])('%j are refused', ([options, message]) => {
    expect(() => http.server({ port: 0, ...options })).toThrow(message)
  })

  test('nothing is trusted by default, over a socket; what is trusted counts', async () => {
    const peers: Peer[] = []
    const service = shop(newLog(), {
      get({ id }, context) {
        peers.push(context.peer)
        return { id, items: [] }
      },
    })
    const request =
      'GET /orders/7 HTTP/1.1\r\nhost: shop.example\r\nx-forwarded-for: 203.0.113.7\r\nx-forwarded-for: 127.0.0.9\r\nx-forwarded-proto: https\r\n\r\n'
    for (const options of [{}, { trustedProxies: ['loopback'] }] as const) {
      const { port } = await served([service], options)
      expect((await open(port).write(request).response())?.status).toBe(200)
    }
    expect(peers).toEqual([
      { address: '127.0.0.1', secure: false, host: 'shop.example' },
      { address: '203.0.113.7', secure: true, host: 'shop.example' },
    ])
  })
})
