/** Cookies: read as the `cookie` package reads them, whatever is sent, and written so that browsers keep them. */
import * as oracle from 'cookie'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseCookies } from '../../src/core/cookies.js'
import { type CookieAttributes, clearCookie, cookiesOf, Reply, setCookie, testContext } from '../../src/core/index.js'
import { deep } from '../deep.js'
import { cpuMs } from '../transport/cpu.js'

const read = (header: string): Record<string, string> => Object.fromEntries(parseCookies(header))

/** As the cookie package decodes values, without the blanks that it takes from them. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

describe('reading', () => {
  test.for<[string, Record<string, string>]>([
    ['', {}],
    ['a=1', { a: '1' }],
    ['a=1; b=2;c=3 ;\td\t=\t4', { a: '1', b: '2', c: '3', d: '4' }],
    ['a=1; a=2', { a: '1' }],
    ['a=', { a: '' }],
    ['a=b=c==', { a: 'b=c==' }],
    ['a="b c"; d="; e=""; f="g', { a: 'b c', d: '"', e: '', f: '"g' }],
    ['a=%C3%A4%20%3B; b="%41"', { a: 'ä ;', b: 'A' }],
    ['a=%; b=%zz; c=%C3; d=100%', { a: '%', b: '%zz', c: '%C3', d: '100%' }],
    ['nothing; =x; ; ;;a=1', { a: '1' }],
    ['A=1; a=2', { A: '1', a: '2' }],
    [
      '__proto__=x; constructor=y',
      Object.fromEntries([
        ['__proto__', 'x'],
        ['constructor', 'y'],
      ]),
    ],
    // Trimmed as text these would be __Host-id, set by whoever could not set that.
    [
      '\u2000__Host-id=evil; \xa0__Host-id=evil; __Host-id=good',
      { '\u2000__Host-id': 'evil', '\xa0__Host-id': 'evil', '__Host-id': 'good' },
    ],
    ['$Version=1; a="1"; $Path=/', { $Version: '1', a: '1', $Path: '/' }],
    ['a=1, b=2', { a: '1, b=2' }],
  ])('%j', ([header, cookies]) => {
    expect(read(header)).toEqual(cookies)
  })

  test('agrees with the cookie package on every text, but for quotes and cookies without a name', () => {
    const piece = fc.oneof(
      fc.constantFrom(';', '=', '; ', ' ', '\t', '"', '%', '%41', '%C3%A4', 'a', 'b', '__Host-', ','),
      fc.string({ maxLength: 5 }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), pieces => {
        const header = pieces.join('')
        const unquoted = (value: string): string =>
          /^".*"$/s.test(value) && value.length > 1 ? value.slice(1, -1) : value
        const wanted = new Map<string, string>()
        const given = oracle.parse(header, { decode: value => value })
        for (const [name, value = ''] of Object.entries(given)) {
          const text = unquoted(value)
          if (name !== '') wanted.set(name, percentDecoded(text))
        }
        expect(new Map(parseCookies(header))).toEqual(wanted)
      }),
      { numRuns: deep(500, 20_000) },
    )
  })

  test('stops at 256 cookies, and at 16,384 characters', () => {
    const many = Array.from({ length: 300 }, (_, i) => `c${i}=${i}`).join(';')
    expect(parseCookies(many).size).toBe(256)
    expect(parseCookies(`${'x'.repeat(16_000)}=1; a=${'y'.repeat(500)}; b=1`).size).toBe(1)
    expect(parseCookies(`${';'.repeat(256)}a=1`).size).toBe(0)
  })

  test('takes time in proportion to the text', () => {
    const hostile = (length: number): string => 'a="%'.repeat(length / 4)
    const [short, long] = [4_000, 16_000].map(length => {
      const header = hostile(length)
      return cpuMs(() => {
        for (let i = 0; i < 200; i++) parseCookies(header)
      })
    }) as [number, number]
    expect(long).toBeLessThan(Math.max(20, short * 12))
  })

  test('happens once for a call, and only when asked for', () => {
    const context = testContext({ metadata: { cookie: 'a=1' } })
    expect(cookiesOf(context)).toBe(cookiesOf(context))
    expect(cookiesOf(context).get('a')).toBe('1')
    expect(cookiesOf(testContext()).size).toBe(0)
  })
})

function written(name: string, value: string, attributes?: CookieAttributes): string {
  const reply = new Reply()
  setCookie(reply, name, value, attributes)
  return reply.setCookies.join('\n')
}

describe('writing', () => {
  test.for<[string, CookieAttributes | undefined, string]>([
    ['id', undefined, 'id=v; Path=/; HttpOnly; Secure; SameSite=Lax'],
    ['__Host-id', undefined, '__Host-id=v; Path=/; HttpOnly; Secure; SameSite=Lax'],
    ['id', { secure: false, httpOnly: false, sameSite: 'strict' }, 'id=v; Path=/; SameSite=Strict'],
    ['id', { sameSite: 'none', partitioned: true }, 'id=v; Path=/; HttpOnly; Secure; SameSite=None; Partitioned'],
    [
      'id',
      { path: '/shop', domain: 'example.com' },
      'id=v; Path=/shop; Domain=example.com; HttpOnly; Secure; SameSite=Lax',
    ],
    [
      'id',
      { maxAgeSeconds: 60, expires: new Date('2037-01-01T00:00:00Z') },
      'id=v; Path=/; Max-Age=60; Expires=Thu, 01 Jan 2037 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax',
    ],
  ])('%s %j', ([name, attributes, text]) => {
    expect(written(name, 'v', attributes)).toBe(text)
  })

  test('any text comes back as it was, and cannot become an attribute', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), value => {
        const line = written('id', value)
        expect(line.split(';')).toHaveLength(5)
        expect(parseCookies(line.split(';')[0] ?? '').get('id')).toBe(value)
        expect(oracle.parseSetCookie(line)).toEqual({
          name: 'id',
          value,
          path: '/',
          httpOnly: true,
          secure: true,
          sameSite: 'lax',
        })
      }),
      { numRuns: deep(200, 5_000) },
    )
    expect(written('id', 'x; Domain=evil.example\r\nset-cookie: a=b')).toContain(
      'id=x%3B%20Domain%3Devil.example%0D%0Aset-cookie',
    )
  })

  test.for<[string, string, CookieAttributes]>([
    ['cannot be the name', '', {}],
    ['cannot be the name', 'a b', {}],
    ['cannot be the name', 'a=b', {}],
    ['cannot be the name', 'a;b', {}],
    ['cannot be the name', 'a\r\nb', {}],
    ['cannot be the name', 'ä', {}],
    ['the path', 'a', { path: 'shop' }],
    ['the path', 'a', { path: '/a; Domain=evil.example' }],
    ['the path', 'a', { path: '/a\r\nb' }],
    ['the domain', 'a', { domain: '' }],
    ['the domain', 'a', { domain: 'a.example; Secure' }],
    ['the domain', 'a', { domain: '.example.com' }],
    ['the domain', 'a', { domain: 'https://example.com' }],
    ["'none' needs secure", 'a', { secure: false, sameSite: 'none' }],
    ['partitioned needs secure', 'a', { secure: false, partitioned: true }],
    ['sameSite', 'a', { sameSite: 'Lax' as 'lax' }],
    ['needs secure', '__Secure-a', { secure: false }],
    ['needs secure', '__secure-a', { secure: false }],
    ['needs secure', '__Host-a', { secure: false }],
    ["needs the path '/'", '__Host-a', { path: '/shop' }],
    ["needs the path '/'", '__HOST-a', { domain: 'example.com' }],
    ['needs httpOnly', '__Http-a', { httpOnly: false }],
    ['needs httpOnly', '__Host-Http-a', { httpOnly: false }],
    ["needs the path '/'", '__Host-Http-a', { path: '/shop' }],
    ['maxAgeSeconds', 'a', { maxAgeSeconds: -1 }],
    ['maxAgeSeconds', 'a', { maxAgeSeconds: 1.5 }],
    ['maxAgeSeconds', 'a', { maxAgeSeconds: Number.NaN }],
    ['expires', 'a', { expires: new Date(Number.NaN) }],
    ['expires', 'a', { expires: new Date(8.64e15) }],
  ])('refuses: %s (%j %j)', ([message, name, attributes]) => {
    const reply = new Reply()
    expect(() => setCookie(reply, name, 'v', attributes)).toThrow(message)
    expect(reply.setCookies).toEqual([])
  })

  test('refuses what browsers would drop: more than 4,096 bytes, half a character', () => {
    expect(written('a', 'v'.repeat(4095))).toContain('v; Path')
    expect(() => written('a', 'v'.repeat(4096))).toThrow(RangeError)
    expect(() => written('a', '\ud800')).toThrow(TypeError)
  })

  test('keeps several apart, and is bounded with the headers', () => {
    const reply = new Reply()
    setCookie(reply, 'a', '1')
    setCookie(reply, 'a', '2', { path: '/shop' })
    clearCookie(reply, 'b', { path: '/shop' })
    expect(reply.setCookies.map(line => line.split(';', 2).join(';'))).toEqual([
      'a=1; Path=/',
      'a=2; Path=/shop',
      'b=; Path=/shop',
    ])
    expect(reply.setCookies[2]).toContain('Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT')
    expect(reply.headers.size).toBe(0)
    setCookie(reply, 'c', 'x'.repeat(4_050))
    expect(() => setCookie(reply, 'd', 'x'.repeat(4_050))).toThrow(TypeError)
    expect(() => reply.header('x-a', 'x'.repeat(4_050))).toThrow(TypeError)
    expect(reply.setCookies).toHaveLength(4)
    reply.close()
    expect(() => setCookie(reply, 'e', '1')).toThrow('REPLY_SENT')
  })
})
