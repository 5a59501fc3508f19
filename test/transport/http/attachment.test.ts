/** Names of downloads, as RFC 6266 and RFC 8187 write them, and whatever people call their files. */
import fc from 'fast-check'
import { Reply } from 'tenon/core'
import * as http from 'tenon/transport/http'
import * as express from 'tenon/transport/http/express'
import * as edge from 'tenon/transport/http/fetch'
import { expect, test } from 'vitest'
import { deep } from '../../deep.js'
import { open, served } from './served.js'
import { newLog, shop } from './shop.js'

function dispositionOf(name: string): string | undefined {
  const reply = new Reply()
  http.attachment(reply, name)
  return reply.headers.get('content-disposition')
}

/** The grammar of RFC 6266, section 4.1, as far as we write it: no escapes in the quotes, `ext-value` of RFC 8187, section 3.2.1. */
const grammar =
  /^attachment; filename="(?<plain>[\x20\x21\x23\x24\x26-\x5b\x5d-\x7e]+)"(?:; filename\*=UTF-8''(?<exact>(?:%[0-9A-F]{2}|[!#$&+\-.^_`|~0-9A-Za-z])+))?$/

/** The name that a reader of `header` saves. */
function readName(header: string | undefined): string | undefined {
  const { plain, exact } = grammar.exec(header ?? '')?.groups ?? {}
  return exact === undefined ? plain : decodeURIComponent(exact)
}

test.for([
  ['RFC 6266, section 5: a name in ASCII', 'example.html', 'attachment; filename="example.html"'],
  ['RFC 6266, section 5: a space', 'an example.html', 'attachment; filename="an example.html"'],
  ['RFC 6266, section 5: euros', '€ rates', `attachment; filename="_ rates"; filename*=UTF-8''%E2%82%AC%20rates`],
  [
    'RFC 8187, section 3.2.3: pounds and euros',
    '£ and € rates',
    `attachment; filename="_ and _ rates"; filename*=UTF-8''%C2%A3%20and%20%E2%82%AC%20rates`,
  ],
  ['quotes', 'a "b".txt', `attachment; filename="a _b_.txt"; filename*=UTF-8''a%20%22b%22.txt`],
  ['what looks encoded', '100%41.txt', `attachment; filename="100_41.txt"; filename*=UTF-8''100%2541.txt`],
  ['no attr-char', "ä'(*)", `attachment; filename="_'(*)"; filename*=UTF-8''%C3%A4%27%28%2A%29`],
  ['one letter of two units', '🍵.md', `attachment; filename="_.md"; filename*=UTF-8''%F0%9F%8D%B5.md`],
  [
    'a parameter of its own',
    'a"; filename=b.exe',
    `attachment; filename="a_; filename=b.exe"; filename*=UTF-8''a%22%3B%20filename%3Db.exe`,
  ],
  ['a path', '../..\\etc/passwd', 'attachment; filename=".._.._etc_passwd"'],
  ['a line break', 'a\r\nset-cookie: b', 'attachment; filename="a__set-cookie: b"'],
  ['half a letter', 'a\ud800', 'attachment; filename="a_"'],
  ['a name that reads backwards', 'a\u202efdp.exe', 'attachment; filename="a_fdp.exe"'],
] as const)('%s', ([, name, header]) => {
  expect(dispositionOf(name)).toBe(header)
})

test('any name is read as it was, but for what no name may hold', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 3, maxLength: 200 }), name => {
      const read = readName(dispositionOf(name)) ?? ''
      expect([...read]).toHaveLength([...name].length)
      for (const [i, letter] of [...name].entries()) expect([letter, '_']).toContain([...read][i])
      expect(read).not.toMatch(/[\p{Cc}/\\]/u)
      if (/^[\p{L}\p{N}"'% .]+$/u.test(name)) expect(read).toBe(name)
    }),
    { numRuns: deep(300, 10_000) },
  )
})

test('what is no name is refused, and what is too long for a header as any header is', () => {
  for (const name of ['', '.', '..', 7 as never, 'a'.repeat(9_000)])
    expect(() => dispositionOf(name)).toThrow(TypeError)
})

test('it is sent, and every entry that serves has it', async () => {
  expect([express.attachment, edge.attachment]).toEqual([http.attachment, http.attachment])
  const { port } = await served([
    shop(newLog(), {
      get({ id }, { reply }) {
        http.attachment(reply, 'Umsätze.json')
        return { id, items: [] }
      },
    }),
  ])
  const answer = await open(port).write('GET /orders/7 HTTP/1.1\r\nhost: t\r\n\r\n').response()
  expect(answer?.headers['content-disposition']).toBe(
    `attachment; filename="Ums_tze.json"; filename*=UTF-8''Ums%C3%A4tze.json`,
  )
})
