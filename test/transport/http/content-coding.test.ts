/** What is packed with what, as RFC 9110 section 12.5.3 and its examples have it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ContentCoding, isCompressible, negotiate } from '../../../src/transport/http/content-coding.js'
import { packedTag, plainTag } from '../../../src/transport/http/entity-tag.js'
import { deep } from '../../deep.js'
import { cpuMs } from '../cpu.js'

const all: readonly ContentCoding[] = ['br', 'gzip', 'deflate']

describe('what a client asks for', () => {
  test.for([
    ['is missing', undefined, undefined],
    ['is empty', '', undefined],
    ['names one', 'gzip', 'gzip'],
    ['names all: ours is first', 'gzip, deflate, br', 'br'],
    ['likes one better', 'br;q=0.5, gzip;q=0.8', 'gzip'],
    ['likes one as much', 'deflate;q=0.5,gzip;q=0.5', 'gzip'],
    ['is of another case', 'GZip;Q=0.7', 'gzip'],
    ['has the old name', 'x-gzip', 'gzip'],
    ['refuses one', 'br;q=0, gzip', 'gzip'],
    ['refuses with three decimals', 'gzip;q=0.000', undefined],
    ['is any', '*', 'br'],
    ['is any but one', 'br;q=0, *', 'gzip'],
    ['refuses any other', 'deflate, *;q=0', 'deflate'],
    ['is plain by name', 'identity', undefined],
    ['likes plain better', 'gzip;q=0.5, identity', undefined],
    ['likes plain as much', 'gzip, identity', 'gzip'],
    ['refuses plain', 'identity;q=0, gzip;q=0.1', 'gzip'],
    ['refuses plain and all else', 'identity;q=0, *;q=0', undefined],
    ['names only what we have not', 'zstd, compress', undefined],
    ['has the example of the RFC', 'compress;q=0.5, gzip;q=1.0', 'gzip'],
    ['has the other example of the RFC', 'gzip;q=1.0, identity; q=0.5, *;q=0', 'gzip'],
    ['has a weight that is none', 'br;q=2, gzip;q=abc, deflate;q=0.1', 'deflate'],
    ['has a negative weight', 'br;q=-1', undefined],
    ['has four decimals', 'br;q=0.1234', undefined],
    ['has empty members', ',, ,gzip,', 'gzip'],
    ['has spaces and tabs', ' \tgzip ;\tq=0.5 ', 'gzip'],
    ['has another parameter', 'gzip;level=9', undefined],
    ['names something inherited', 'constructor, __proto__', undefined],
  ] as const)('%s', ([, header, coding]) => {
    expect(negotiate(header, all)).toBe(coding)
  })

  test('only what is offered is taken', () => {
    expect(negotiate('br, gzip', ['gzip'])).toBe('gzip')
    expect(negotiate('br', ['gzip'])).toBeUndefined()
    expect(negotiate('br, gzip', ['gzip', 'br'])).toBe('gzip')
  })

  test('any text at all gives one of those offered or none', () => {
    const member = fc.stringMatching(/^[a-z*\-;=., q01]*$/)
    fc.assert(
      fc.property(fc.oneof(fc.string(), member), header => {
        expect([...all, undefined]).toContain(negotiate(header, all))
      }),
      { numRuns: deep(300, 10_000) },
    )
  })

  test('a header eight times as long costs nothing like the square of that', () => {
    const cost = (length: number): number =>
      cpuMs(() => {
        const header = 'a;q=0.'.repeat(length)
        for (let i = 0; i < 200; i++) negotiate(header, all)
      })
    expect(cost(16_000)).toBeLessThan(16 * Math.max(cost(2_000), 2)) // the square would be 64
  })
})

test.for([
  ['application/json', true],
  ['application/problem+json', true],
  ['Text/HTML; charset=utf-8', true],
  ['text/event-stream', true],
  ['application/x-ndjson', true],
  ['image/svg+xml', true],
  ['image/png', false],
  ['application/octet-stream', false],
  ['application/zip', false],
  ['application/jsonx', false],
  ['', false],
  [undefined, false],
] as const)('whether %s is worth packing: %s', ([type, worth]) => {
  expect(isCompressible(type)).toBe(worth)
})

test.for([
  ['"v1"', 'br', '"v1--br"'],
  ['W/"v1"', 'br', 'W/"v1"'],
  ['not a tag', 'gzip', 'not a tag'],
  ['"', 'gzip', '"'],
  ['""', 'deflate', '"--deflate"'],
] as const)('the tag %s packed with %s is %s, and is known again', ([tag, coding, packed]) => {
  expect(packedTag(tag, coding)).toBe(packed)
  expect(plainTag(packed)).toBe(tag)
})
