// The router against a naive matcher, against pathOf, and against paths made to slow it down or to slip past a check.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CallError } from '../../../src/core/call-error.js'
import { type Match, parsePattern, pathOf, type Router, router } from '../../../src/transport/http/router.js'
import { deep } from '../../deep.js'
import { cpuMs } from '../cpu.js'

/** A router whose routes, written `GET /orders`, are their own values. */
function routerOf(...routes: readonly string[]): Router<string> {
  return router(
    routes.map(route => {
      const [method = '', pattern = ''] = route.split(' ')
      return { method, pattern, value: route }
    }),
  )
}

/** A match in one line: the route with its parameters, the methods that are allowed, or the kind. */
function shown(match: Match<string>): string {
  if (match.kind === 'found') {
    return match.params === undefined ? match.value : `${match.value} ${JSON.stringify(match.params)}`
  }
  return match.kind === 'method_not_allowed' ? match.allow.join() : match.kind
}

const shop: Router<string> = routerOf(
  ...['GET /', 'GET /orders', 'POST /orders', 'GET /orders/{id}', 'DELETE /orders/{order_id}', 'POST /orders/new'],
  ...[
    'POST /orders/{id}:cancel',
    'POST /orders:batch',
    'GET /orders/{id}/lines/{line}',
    'HEAD /health',
    'GET /shop.v1.Orders/get',
  ],
  ...['GET /a/b/d', 'GET /a/{x}/c', 'GET /{x}/b/{y}/e', 'PUT /orders/{id}/lines/{line}:move', 'GET /files/{name}:raw'],
)

const matches: readonly (readonly [request: string, expected: string])[] = [
  ['GET /', 'GET /'],
  ['GET /orders', 'GET /orders'],
  ['POST /orders', 'POST /orders'],
  ['HEAD /orders', 'GET /orders'],
  ['HEAD /orders/7', 'GET /orders/{id} {"id":"7"}'],
  ['HEAD /health', 'HEAD /health'],
  ['GET /health', 'HEAD,OPTIONS'],
  ['PUT /orders', 'GET,HEAD,OPTIONS,POST'],
  ['OPTIONS /orders', 'GET,HEAD,OPTIONS,POST'],
  ['PATCH /', 'GET,HEAD,OPTIONS'],
  ['get /orders', 'GET,HEAD,OPTIONS,POST'],
  ['GET /orders/7', 'GET /orders/{id} {"id":"7"}'],
  ['DELETE /orders/7', 'DELETE /orders/{order_id} {"order_id":"7"}'],
  ['GET /orders/7/lines/8', 'GET /orders/{id}/lines/{line} {"id":"7","line":"8"}'],
  ['GET /shop.v1.Orders/get', 'GET /shop.v1.Orders/get'],
  // Literals first, and what they do not lead to after them.
  ['POST /orders/new', 'POST /orders/new'],
  ['GET /orders/new', 'GET /orders/{id} {"id":"new"}'],
  ['PUT /orders/new', 'DELETE,GET,HEAD,OPTIONS,POST'],
  ['GET /a/b/d', 'GET /a/b/d'],
  ['GET /a/b/c', 'GET /a/{x}/c {"x":"b"}'],
  ['GET /a/b/z/e', 'GET /{x}/b/{y}/e {"x":"a","y":"z"}'],
  ['GET /a/b/z', 'not_found'],
  // Verbs.
  ['POST /orders/7:cancel', 'POST /orders/{id}:cancel {"id":"7"}'],
  ['POST /orders/urn:order:7:cancel', 'POST /orders/{id}:cancel {"id":"urn:order:7"}'],
  ['POST /orders/7:can%63el', 'POST /orders/{id}:cancel {"id":"7"}'],
  ['GET /orders/7:cancel', 'GET /orders/{id} {"id":"7:cancel"}'],
  ['GET /orders/urn:order:7', 'GET /orders/{id} {"id":"urn:order:7"}'],
  ['POST /orders/7%3Acancel', 'DELETE,GET,HEAD,OPTIONS'],
  ['POST /orders/new:cancel', 'POST /orders/{id}:cancel {"id":"new"}'],
  ['POST /orders/:cancel', 'DELETE,GET,HEAD,OPTIONS'],
  ['POST /orders:batch', 'POST /orders:batch'],
  ['POST /%6Frders:batch', 'POST /orders:batch'],
  ['POST /orders:', 'not_found'],
  ['PUT /orders/7/lines/8:move', 'PUT /orders/{id}/lines/{line}:move {"id":"7","line":"8"}'],
  ['GET /files/a:b', 'not_found'],
  ['PUT /files/a:raw', 'GET,HEAD,OPTIONS'],
  // Another path is another path.
  ['GET /orders/', 'not_found'],
  ['GET //orders', 'not_found'],
  ['GET //', 'not_found'],
  ['GET /orders//lines/8', 'not_found'],
  ['GET /Orders', 'not_found'],
  ['GET /orders;v=1', 'not_found'],
  ['GET /orders.', 'not_found'],
  ['GET /orders/7/lines', 'not_found'],
  ['GET /constructor', 'not_found'],
  ['GET /__proto__', 'not_found'],
  // Encodings.
  ['GET /%6F%72ders', 'GET /orders'],
  ['GET /orders/a%2Fb', 'GET /orders/{id} {"id":"a/b"}'],
  ['GET /orders%2F7', 'not_found'],
  ['GET /orders/%252e', 'GET /orders/{id} {"id":"%2e"}'],
  ['GET /orders/%E2%82%AC', 'GET /orders/{id} {"id":"€"}'],
  ['GET /orders/a+b', 'GET /orders/{id} {"id":"a+b"}'],
  ['GET /orders/...', 'GET /orders/{id} {"id":"..."}'],
]

const invalid: readonly string[] = [
  ...[
    '',
    '*',
    'orders',
    'http://host/orders',
    '/orders/.',
    '/orders/..',
    '/../orders',
    '/./orders',
    '/orders/%2e%2E',
    '/orders/.%2e',
  ],
  ...[
    '/%2e/orders',
    '/orders/..:cancel',
    '/orders/%2e:cancel',
    '/nowhere/..',
    '/orders/a\\b',
    '/orders/a%5cb',
    '\\orders',
  ],
  ...[
    '/orders/%00',
    '/orders/a\0',
    '/orders/%',
    '/orders/%4',
    '/orders/%zz',
    '/orders/%ff',
    '/orders/%c0%af',
    '/orders/%ed%a0%80',
  ],
  ...[
    '/orders/ü',
    '/orders/a b',
    '/orders/a\nb',
    '/orders/a#b',
    '/orders/\u007f',
    `/orders/${'a'.repeat(8192)}`,
    '/'.repeat(8193),
  ],
]

describe('router', () => {
  test.each(matches)('leads %s to %s', (request, expected) => {
    const [method = '', path = ''] = request.split(' ')
    expect(shown(shop.match(method, path))).toBe(expected)
  })

  test.each(invalid)('calls the path %j invalid', path => {
    const match = shop.match('GET', path)
    expect(match.kind).toBe('invalid')
    expect(match.kind === 'invalid' && match.message).toMatch(/^the path /)
  })

  test('gives parameters that inherit nothing', () => {
    const match = routerOf('GET /{constructor}/{toString}').match('GET', '/a/b')
    const params = match.kind === 'found' ? match.params : undefined
    expect({ ...params }).toEqual({ constructor: 'a', toString: 'b' })
    const other = shop.match('GET', '/orders/7')
    expect(other.kind === 'found' && other.params?.['hasOwnProperty']).toBeUndefined()
  })

  test.each([
    ['GET /a', 'GET /a'],
    ['GET /a/{b}', 'GET /a/{c}'],
    ['POST /a/{b}:c', 'POST /a/{d}:c'],
    ['GET /{a}/b/{c}', 'GET /{x}/b/{y}'],
  ])('refuses %s beside %s, naming both', (first, second) => {
    expect(() => routerOf(first, 'GET /other', second)).toThrow(TypeError)
    expect(() => routerOf(first, second)).toThrow(first)
    expect(() => routerOf(first, second)).toThrow(second)
  })

  test.each([
    ...[
      '',
      'a',
      '//',
      '/a/',
      '/a//b',
      '/{}',
      '/{a',
      '/a}',
      '/{a}b',
      '/a{b}',
      '/{a}-{b}',
      '/{a=b/*}',
      '/*',
      '/**',
      '/{a}/{a}',
    ],
    ...[
      '/a:',
      '/a:b:c',
      '/a:b/c',
      '/:a',
      '/a b',
      '/a?b',
      '/a#b',
      '/a%20b',
      '/ü',
      '/a\\b',
      '/.',
      '/a/..',
      '/{1a}',
      '/{a.b}',
      '/{__proto__}',
    ],
  ])('refuses the template %j, naming it', pattern => {
    expect(() => router([{ method: 'GET', pattern, value: 1 }])).toThrow(TypeError)
    expect(() => parsePattern(pattern)).toThrow(`the path '${pattern}' is malformed`)
  })

  test.each(['', 'get', 'GET ', 'G,T'])('refuses the method %j', method => {
    expect(() => router([{ method, pattern: '/', value: 1 }])).toThrow(TypeError)
  })

  test('finds what a naive matcher finds', () => {
    fc.assert(
      fc.property(routeSet, fc.array(fc.tuple(method, path), { maxLength: 20 }), (routes, requests) => {
        const compiled = routerOf(...routes)
        for (const [wanted, asked] of requests) {
          expect(shown(compiled.match(wanted, asked)), `${wanted} ${asked}`).toBe(naive(routes, wanted, asked))
        }
      }),
      { numRuns: deep(1_000, 50_000) },
    )
  })

  test('never throws, and finds no protected path under another name', () => {
    const guarded = routerOf('GET /admin', 'GET /admin/{id}', 'GET /public/{name}')
    fc.assert(
      fc.property(disguised, asked => {
        const match = guarded.match('GET', asked)
        if (match.kind !== 'found') return
        const canonical =
          match.params === undefined
            ? match.value.slice('GET '.length)
            : pathOf(match.value.slice('GET '.length), match.params)
        expect(guarded.match('GET', canonical)).toEqual(match)
        expect(new URL(`http://host${canonical}`).pathname).toBe(canonical)
      }),
      { numRuns: deep(2_000, 200_000) },
    )
  })

  test('looks at every branch at most twice, however many fit', () => {
    // Each level fits as a literal and as a parameter, and no path through them has the method.
    const levels = 12
    const routes = Array.from({ length: 2 ** levels }, (_, bits) => ({
      method: 'POST',
      pattern: Array.from({ length: levels }, (_level, level) => ((bits >> level) & 1 ? '/a' : `/{p${level}}`)).join(
        '',
      ),
      value: bits,
    }))
    const compiled = router(routes)
    const asked = '/a'.repeat(levels)
    expect(compiled.match('GET', asked).kind).toBe('method_not_allowed')
    expect(cpuMs(() => compiled.match('GET', asked))).toBeLessThan(200)
    expect(compiled.match('POST', asked)).toMatchObject({ kind: 'found', value: 2 ** levels - 1 })
  })

  test.each([
    { name: 'slashes', of: (length: number) => '/'.repeat(length) },
    { name: 'segments that fit', of: (length: number) => '/a'.repeat(length / 2) },
    { name: 'encoded slashes', of: (length: number) => `/${'%2F'.repeat(length / 3)}` },
    { name: 'broken encoding', of: (length: number) => `/${'%'.repeat(length - 1)}` },
    { name: 'encoded dots', of: (length: number) => '/%2e'.repeat(length / 4) },
    { name: 'colons', of: (length: number) => `/orders/${':'.repeat(length - 8)}` },
    { name: 'colons in segments', of: (length: number) => '/a:b'.repeat(length / 4) },
    { name: 'a long parameter', of: (length: number) => `/orders/${'x'.repeat(length - 8)}` },
  ])('takes time linear in $name, and none for 64 KiB', ({ of }) => {
    const recursive = routerOf(
      'GET /orders/{id}',
      ...Array.from({ length: 30 }, (_, depth) => `GET ${'/a'.repeat(depth)}/{x}/{y}`),
    )
    const hundred = (asked: string) => () => {
      for (let round = 0; round < 100; round++) recursive.match('GET', asked)
    }
    const [short, long] = [of(2000), of(8000)]
    hundred(long)()
    expect(cpuMs(hundred(long))).toBeLessThan(4 * 4 * cpuMs(hundred(short)) + 20)
    expect(cpuMs(hundred(of(65_536)))).toBeLessThan(5)
  })
})

const segment: fc.Arbitrary<string> = fc.constantFrom('a', 'b', '{x}', '{y}')
const method: fc.Arbitrary<string> = fc.constantFrom('GET', 'HEAD', 'POST')
const verb: fc.Arbitrary<string> = fc.constantFrom('', '', '', ':v', ':w')

/** Routes of at most four segments, no two with the same method and shape. */
const routeSet: fc.Arbitrary<readonly string[]> = fc.uniqueArray(
  fc
    .tuple(
      method,
      fc.uniqueArray(fc.tuple(segment, fc.nat()), {
        maxLength: 4,
        selector: ([text, id]) => (text.startsWith('{') ? text : id),
      }),
      verb,
    )
    .map(
      ([wanted, parts, last]) =>
        `${wanted} ${parts.length === 0 ? '/' : parts.map(([text]) => `/${text}`).join('') + last}`,
    ),
  { maxLength: 12, selector: route => route.replace(/\{.\}/g, '{}') },
)

const path: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(fc.constantFrom('a', 'b', 'c', '%61', '', 'a:v', '%62:%76', 'c:v:w', ':v', 'a%3Av'), { maxLength: 5 }),
    fc.nat(9),
  )
  .map(([parts, odd]) => (odd === 0 ? '/.%2e' : `/${parts.join('/')}`))

/** What the router promises, by trying every route on every path. */
function naive(routes: readonly string[], wanted: string, asked: string): string {
  if (asked === '/.%2e') return 'invalid'
  const fitting = routes.flatMap(route => {
    const [own = '', pattern = ''] = route.split(' ')
    const fit = fitOf(pattern, asked)
    return fit === undefined ? [] : [{ route, own, ...fit }]
  })
  fitting.sort((one, other) => (one.rank < other.rank ? -1 : 1))
  const best = fitting.find(({ own, rank }) => {
    const hasHead = fitting.some(each => each.own === 'HEAD' && each.rank === rank)
    return own === wanted || (wanted === 'HEAD' && own === 'GET' && !hasHead)
  })
  if (best !== undefined) return best.params === '{}' ? best.route : `${best.route} ${best.params}`
  if (fitting.length === 0) return 'not_found'
  const allow = fitting.flatMap(({ own }) => (own === 'GET' ? ['GET', 'HEAD'] : [own]))
  return [...new Set([...allow, 'OPTIONS'])].sort().join()
}

/** The parameters, and a rank that sorts literals before parameters and verbs before whole segments. */
function fitOf(pattern: string, asked: string): { readonly rank: string; readonly params: string } | undefined {
  if (pattern === '/' || asked === '/') return pattern === asked ? { rank: '', params: '{}' } : undefined
  const [, templates = '', verb] = /^(.*?)(?::(.*))?$/.exec(pattern) ?? []
  const colon = asked.lastIndexOf(':')
  if (verb !== undefined && (colon < asked.lastIndexOf('/') || decodeURIComponent(asked.slice(colon + 1)) !== verb)) {
    return undefined
  }
  return fitOfSegments(
    templates.split('/'),
    (verb === undefined ? asked : asked.slice(0, colon)).split('/'),
    verb === undefined,
  )
}

function fitOfSegments(
  templates: readonly string[],
  parts: readonly string[],
  isWhole: boolean,
): ReturnType<typeof fitOf> {
  if (templates.length !== parts.length) return undefined
  let rank = ''
  const params: Record<string, string> = {}
  for (let index = 1; index < templates.length; index++) {
    const template = templates[index] ?? ''
    const text = decodeURIComponent(parts[index] ?? '')
    const isParameter = template.startsWith('{')
    if (text === '' || (!isParameter && template !== text)) return undefined
    if (isParameter) params[template.slice(1, -1)] = text
    rank += `${isWhole && index === templates.length - 1 ? 1 : 0}${isParameter ? 1 : 0}`
  }
  return { rank, params: JSON.stringify(params) }
}

/** Spellings of protected paths that proxies and servers are known to disagree about. */
const disguised: fc.Arbitrary<string> = fc
  .array(
    fc.constantFrom(
      ...[
        '/',
        '//',
        'admin',
        'public',
        'ADMIN',
        '%61dmin',
        '%2561dmin',
        '..',
        '.',
        '%2e%2e',
        '%2E',
        '.%2e',
        '%2f',
        '%2F',
        '%5c',
        '\\',
        ';x',
      ],
      ...[';/', '%00', '%09', '%20', '\t', '#', '.', ':', '%', '%c0%af', '%ef%bc%8f', '@', '*', '1', '~', "'"],
    ),
    { maxLength: 8 },
  )
  .map(parts => `/${parts.join('')}`)

/** Text that a path can carry. */
const sendable: fc.Arbitrary<string> = fc
  .string({ unit: 'binary', minLength: 1 })
  .filter(text => text !== '.' && text !== '..' && !/[\\\0]/.test(text))

describe('pathOf', () => {
  test.each([
    { pattern: '/', params: {}, path: '/' },
    { pattern: '/orders', params: {}, path: '/orders' },
    { pattern: '/orders/{id}', params: { id: 'a/b ü' }, path: '/orders/a%2Fb%20%C3%BC' },
    { pattern: '/orders/{id}:cancel', params: { id: 'a:b' }, path: '/orders/a%3Ab:cancel' },
    { pattern: '/{a}/x/{b}', params: { b: '2', a: '1', c: '3' }, path: '/1/x/2' },
  ])('writes $path', ({ pattern, params, path: expected }) => {
    const given: Readonly<Record<string, string>> = { ...params }
    expect(pathOf(pattern, given)).toBe(expected)
    expect(pathOf(parsePattern(pattern), given)).toBe(expected)
  })

  test('is undone by the router, whatever the parameters are', () => {
    const compiled = routerOf('GET /a/{x}', 'GET /a/{x}:cancel', 'GET /{x}/{y}', 'GET /{x}/b/{y}:cancel', 'GET /a/b')
    const pattern = fc.constantFrom('/a/{x}', '/a/{x}:cancel', '/{x}/b/{y}:cancel', '/{x}/{y}')
    fc.assert(
      fc.property(pattern, sendable, sendable, (given, x, y) => {
        fc.pre(given !== '/a/{x}' || x !== 'b')
        fc.pre(given !== '/{x}/{y}' || x !== 'a')
        const { names } = parsePattern(given)
        const params = Object.fromEntries(Object.entries({ x, y }).filter(([name]) => names.includes(name)))
        const asked = pathOf(given, params)
        fc.pre(asked.length <= 8192)
        const match = compiled.match('GET', asked)
        expect(match).toMatchObject({ kind: 'found', value: `GET ${given}` })
        expect(match.kind === 'found' && { ...match.params }).toEqual(params)
      }),
      { numRuns: deep(2_000, 200_000) },
    )
  })

  test.each([
    { name: 'a missing parameter', params: {} },
    { name: 'an inherited one', params: {}, pattern: '/{constructor}' },
    { name: 'an empty one', params: { id: '' } },
    { name: 'a dot', params: { id: '.' } },
    { name: 'two dots', params: { id: '..' } },
    { name: 'half a surrogate pair', params: { id: 'a\ud800' } },
    { name: 'a NUL', params: { id: 'a\0' } },
    { name: 'a backslash', params: { id: 'a\\b' } },
  ])('refuses $name', ({ params, pattern = '/orders/{id}' }) => {
    let thrown: unknown
    try {
      pathOf(pattern, { ...params })
    } catch (caught) {
      thrown = caught
    }
    expect(thrown).toBeInstanceOf(CallError)
    expect(thrown).toHaveProperty('failure.code', 'invalid_argument')
    expect(thrown).toHaveProperty('failure.reason', 'INVALID_PATH')
    expect(thrown).toHaveProperty('failure.ran', 'no')
  })
})

describe('parsePattern', () => {
  test('names the parameters from left to right', () => {
    expect(parsePattern('/{b}/x/{a_1}/{c-d}:go')).toEqual({
      text: '/{b}/x/{a_1}/{c-d}:go',
      segments: [{ name: 'b' }, { literal: 'x' }, { name: 'a_1' }, { name: 'c-d' }],
      verb: 'go',
      names: ['b', 'a_1', 'c-d'],
    })
  })
})
