/** What may travel beside a message, and back beside a reply. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addMetadata, CallError, failureOf, Reply } from '../../src/core/index.js'
import { deep } from '../deep.js'

const none = new Map<string, string>()

function reasonOf(work: () => unknown): string {
  try {
    work()
    return 'accepted'
  } catch (thrown) {
    return thrown instanceof CallError ? `${thrown.failure.code}/${thrown.failure.reason}` : String(thrown)
  }
}

const invalid = 'invalid_argument/INVALID_METADATA'

describe('addMetadata', () => {
  test('adds in lower case, the later value of a name winning, and leaves the given map alone', () => {
    const base = new Map([['a', '1']])
    expect([...addMetadata(base, { B: '2', A: '3' })]).toEqual([
      ['a', '3'],
      ['b', '2'],
    ])
    expect([...base]).toEqual([['a', '1']])
  })

  const limits: readonly { readonly what: string; readonly entries: Record<string, string>; readonly said: string }[] =
    [
      { what: '64 entries', entries: many(64), said: 'accepted' },
      { what: '65 entries', entries: many(65), said: invalid },
      { what: '8192 characters', entries: { name: 'v'.repeat(8188) }, said: 'accepted' },
      { what: '8193 characters', entries: { name: 'v'.repeat(8189) }, said: invalid },
      { what: 'an empty value', entries: { name: '' }, said: 'accepted' },
      { what: 'an empty name', entries: { '': 'value' }, said: invalid },
      { what: 'all visible characters', entries: { name: visible() }, said: 'accepted' },
      { what: 'a line break in a value', entries: { name: 'a\r\nset-cookie: b' }, said: invalid },
      { what: 'a line feed at the end of a value', entries: { name: 'a\n' }, said: invalid },
      { what: 'a tab', entries: { name: 'a\tb' }, said: invalid },
      { what: 'a letter beyond ASCII', entries: { name: 'ü' }, said: invalid },
      { what: 'a value that is no string', entries: { name: 7 as never }, said: invalid },
      { what: 'a name with a colon', entries: { ':path': 'a' }, said: invalid },
      { what: 'a name with a line break', entries: { 'a\n': 'a' }, said: invalid },
      { what: 'a name with a space', entries: { 'a b': 'a' }, said: invalid },
      { what: 'a name that JavaScript knows', entries: { constructor: 'a', ['__proto__']: 'b' }, said: 'accepted' },
    ]
  test.each(limits)('$what: $said', ({ entries, said }) => {
    expect(reasonOf(() => addMetadata(none, entries))).toBe(said)
  })

  test('counts what was there before', () => {
    expect(reasonOf(() => addMetadata(new Map(Object.entries(many(64))), { another: '' }))).toBe(invalid)
    expect(reasonOf(() => addMetadata(new Map([['a', 'v'.repeat(8191)]]), { b: '' }))).toBe(invalid)
  })

  test('lets nothing through that could end a header, whatever is given', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('a\r\n', '\u2028', '\u010d\u010a', 'a\0'),
    )
    fc.assert(
      fc.property(text, text, (name, value) => {
        if (reasonOf(() => addMetadata(none, { [name]: value })) !== 'accepted') return
        expect(name.toLowerCase()).toMatch(/^[a-z0-9_.-]+$/)
        expect(value).toMatch(/^[ -~]*$/)
        expect(Buffer.from(`${name}: ${value}`, 'latin1').toString('utf8')).not.toMatch(/[\r\n\0]/)
      }),
      { numRuns: deep(200, 100_000) },
    )
  })

  test('names the entry that is wrong, and shows little of it', () => {
    const said = (entries: Record<string, string>): string => {
      try {
        addMetadata(none, entries)
      } catch (thrown) {
        return (thrown as Error).message
      }
      return ''
    }
    expect(said({ good: 'a', bad: 'secret\n' })).toBe(
      `${invalid}: the metadata entry 'bad' has a value that is not visible ASCII`,
    )
    expect(said({ ['x\r\n'.repeat(1000)]: 'a' }).length).toBeLessThan(250)
  })
})

describe('a reply', () => {
  test('takes headers and trailers in lower case, and a status', () => {
    const reply = new Reply()
    reply.header('X-Cost', '7')
    reply.header('x-cost', '8')
    reply.trailer('Rows', '3')
    reply.status = 201
    expect([[...reply.headers], [...reply.trailers], reply.status]).toEqual([[['x-cost', '8']], [['rows', '3']], 201])
  })

  test('takes no header once it is on its way, but a trailer', () => {
    const reply = new Reply()
    reply.header('a', '1')
    reply.close()
    expect(reasonOf(() => reply.header('b', '2'))).toBe('internal/REPLY_SENT')
    reply.trailer('c', '3')
    expect([[...reply.headers], [...reply.trailers]]).toEqual([[['a', '1']], [['c', '3']]])
  })

  test.each(['header', 'trailer'] as const)('refuses what is no %s, and keeps nothing of it', method => {
    const reply = new Reply()
    for (const [name, value] of [
      ['a b', 'c'],
      ['', 'c'],
      ['a', 'b\r\nc: d'],
      ['a', 'ü'],
      ['a', 'v'.repeat(8192)],
    ] as const) {
      expect(() => reply[method](name, value)).toThrow(TypeError) // not a failure that blames the caller
    }
    expect([reply.headers.size, reply.trailers.size]).toEqual([0, 0])
  })
})

test('a refusal is a failure like any other', () => {
  expect(() => addMetadata(none, { 'a b': '' })).toThrow(
    new CallError(failureOf('invalid_argument', 'INVALID_METADATA', '"a b" cannot be the name of a metadata entry')),
  )
})

function many(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`name-${i}`, `${i}`]))
}

function visible(): string {
  return String.fromCharCode(...Array.from({ length: 95 }, (_, i) => i + 32))
}
