/** Forms: as a browser sends them and curl, as our clients do, and as nobody should. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Validator } from '@seriousme/openapi-schema-validator'
import fc from 'fast-check'
import { CallError, call, callOrThrow, connect, contract, implement, type JsonSchema, method, stream } from 'tenon'
import { diff, openapi } from 'tenon/contract'
import * as http from 'tenon/transport/http'
import * as fetching from 'tenon/transport/http/fetch'
import * as memory from 'tenon/transport/memory'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { readForm } from '../../../src/transport/http/form.js'
import { deep } from '../../deep.js'
import { Bytes } from './files.js'
import { served } from './served.js'

const run = promisify(execFile)
const File = z.object({ name: z.string(), type: z.string(), content: Bytes })
const Profile = z.object({
  user: z.string(),
  age: z.int(),
  admin: z.boolean().default(false),
  tags: z.array(z.string()),
  avatar: File.optional(),
  notes: z.array(File).optional(),
  key: Bytes.optional(),
})
const Seen = z.object({ seen: z.unknown() })

const Forms = contract('test.v1.Forms', {
  save: method({
    request: Profile,
    response: Seen,
    idempotency: 'unsafe',
    http: { post: '/profiles/{user}', form: 'multipart', maxBodyBytes: 3 << 20 },
  }),
  login: method({
    request: z.object({ name: z.string(), age: z.int(), tags: z.array(z.string()) }),
    response: Seen,
    idempotency: 'unsafe',
    http: { post: '/login', form: 'urlencoded' },
  }),
  plain: method({
    request: z.object({ name: z.string() }),
    response: Seen,
    idempotency: 'unsafe',
    http: { post: '/plain' },
  }),
})

const shown = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, each) => (each instanceof Uint8Array ? `bytes ${Buffer.from(each)}` : each)))
const forms = implement(Forms).handlers({
  save: request => ({ seen: shown(request) }),
  login: request => ({ seen: shown(request) }),
  plain: request => ({ seen: shown(request) }),
})

describe.for(['undici', 'node', 'fetch', 'memory', 'memory with JSON'] as const)('over %s', over => {
  test('a form arrives as it was', async () => {
    let binding = memory.client(forms, { json: over !== 'memory' })
    if (!over.startsWith('memory')) {
      const { address } = await served([forms])
      binding = over === 'fetch' ? fetching.client(address) : http.client(address, { stack: over as 'undici' })
    }
    onTestFinished(() => binding.close())
    const { save, login } = connect(Forms, binding)
    const file = (name: string, text: string) => ({
      name,
      type: 'text/plain; charset=utf-8',
      content: new Uint8Array(Buffer.from(text)),
    })
    const profile = {
      user: 'a/b "c"',
      age: 7,
      admin: true,
      tags: ['ä', 'b\r\n--x', ''],
      avatar: file('Ä "1".txt', 'one\r\n'),
      notes: [file('2.txt', ''), file('3.txt', '--')],
      key: Uint8Array.of(65, 66),
    }
    expect((await callOrThrow(save, profile)).seen).toEqual(shown(profile))
    const least = { user: 'u', age: 0, tags: [] }
    expect((await callOrThrow(save, least)).seen).toEqual({ ...least, admin: false })
    const person = { name: 'a&b=c+d ä', age: 3, tags: ['x', 'y z'] }
    expect((await callOrThrow(login, person)).seen).toEqual(person)
  })
})

test('what cannot be sent is said before', async () => {
  const { address } = await served([forms])
  const binding = http.client(address)
  onTestFinished(() => binding.close())
  const { save } = connect(Forms, binding)
  const least = { user: 'u', age: 0, tags: [] }
  for (const wrong of [
    { key: '*' },
    { avatar: { name: 'a', type: 'a\r\nb: c', content: Uint8Array.of(1) } },
    { avatar: 7 },
    { age: {} },
  ])
    expect(await call(save, { ...least, ...(wrong as object) })).toMatchObject({
      left: { reason: 'INVALID_REQUEST', ran: 'no' },
    })
})

test('curl and FormData send forms', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tenon-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'me.txt')
  await writeFile(path, 'hello')
  const { address } = await served([forms])
  const url = `${address}/profiles/ada`
  const fields = [
    '-F',
    'age=36',
    '-F',
    'tags=a',
    '-F',
    'tags=b',
    '-F',
    `avatar=@${path};type=image/png`,
    '-F',
    `notes=@${path}`,
  ]
  const { stdout } = await run('curl', ['-s', ...fields, url])
  expect(JSON.parse(stdout).seen).toEqual({
    user: 'ada',
    age: 36,
    admin: false,
    tags: ['a', 'b'],
    avatar: { name: 'me.txt', type: 'image/png', content: 'bytes hello' },
    notes: [{ name: 'me.txt', type: 'text/plain', content: 'bytes hello' }],
  })
  const login = await run('curl', ['-s', '-d', 'name=ada&age=36', '--data-urlencode', 'tags=a b&c', `${address}/login`])
  expect(JSON.parse(login.stdout).seen).toEqual({ name: 'ada', age: 36, tags: ['a b&c'] })
  const form = new FormData()
  form.set('age', '1')
  form.set('avatar', new Blob(['x'], { type: 'image/gif' }), 'x.gif')
  form.set('key', new Blob(['k']))
  const answer = await fetch(url, { method: 'POST', body: form })
  expect(((await answer.json()) as { seen: unknown }).seen).toMatchObject({
    avatar: { name: 'x.gif', type: 'image/gif' },
    key: 'bytes k',
    tags: [],
  })
})

const boundary = 'x'.repeat(30)
const multipart = `multipart/form-data; boundary=${boundary}`
const part = (name: string, value: string, more = ''): string =>
  `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`
const end = `--${boundary}--\r\n`
const good = part('age', '1')

describe('what is no form of the method is refused', () => {
  test.for([
    ['no boundary', 'multipart/form-data', good + end, 400, 'MALFORMED_BODY'],
    [
      'a boundary that is too long',
      `multipart/form-data; boundary=${'x'.repeat(71)}`,
      good + end,
      400,
      'MALFORMED_BODY',
    ],
    [
      'another boundary',
      'multipart/form-data; boundary=yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy',
      good + end,
      400,
      'MALFORMED_BODY',
    ],
    ['a part without end', multipart, good + part('tags', 'a').slice(0, -2), 400, 'MALFORMED_BODY'],
    ['a form without end', multipart, good, 400, 'MALFORMED_BODY'],
    [
      'a part without a name',
      multipart,
      `--${boundary}\r\ncontent-disposition: form-data\r\n\r\n1\r\n${end}`,
      400,
      'MALFORMED_BODY',
    ],
    ['a part without headers', multipart, `--${boundary}\r\n\r\n1\r\n${end}`, 400, 'MALFORMED_BODY'],
    ['no parts at all', multipart, 'nothing', 400, 'MALFORMED_BODY'],
    ['headers without end', multipart, `${good}--${boundary}\r\ncontent-disposition: form-data`, 400, 'MALFORMED_BODY'],
    ['two names', multipart, part('age', '1', '; name="tags"') + end, 400, 'MALFORMED_BODY'],
    [
      'a header twice',
      multipart,
      part('age', '1', '\r\ncontent-disposition: form-data; name="tags"') + end,
      400,
      'MALFORMED_BODY',
    ],
    [
      'a part in base64',
      multipart,
      part('age', 'MQ==', '\r\ncontent-transfer-encoding: base64') + end,
      400,
      'MALFORMED_BODY',
    ],
    ['a huge header', multipart, part('age', '1', `\r\nx-a: ${'a'.repeat(20_000)}`) + end, 400, 'MALFORMED_BODY'],
    ['an attachment', multipart, (good + end).replace('form-data;', 'attachment;'), 400, 'MALFORMED_BODY'],
    ['a name in latin1', multipart, Buffer.from(part('\xe9', '1') + end, 'latin1'), 400, 'MALFORMED_BODY'],
    ['latin1', multipart, Buffer.from(part('tags', '\xe9') + good + end, 'latin1'), 400, 'MALFORMED_BODY'],
    ['a NUL', multipart, part('tags', 'a\0b') + good + end, 400, 'MALFORMED_BODY'],
    ['over a thousand parts', multipart, good + part('tags', 'a').repeat(1_000) + end, 400, 'INVALID_REQUEST'],
    ['a hundred thousand parts', multipart, part('t', '').repeat(30_000) + end, 400, 'INVALID_REQUEST'],
    ['a field twice', multipart, good + good + end, 400, 'INVALID_REQUEST'],
    ['a file twice', multipart, good + part('avatar', 'a', '; filename="a"').repeat(2) + end, 400, 'INVALID_REQUEST'],
    ['__proto__', multipart, good + part('__proto__', 'a') + end, 400, 'INVALID_REQUEST'],
    [
      'a file called __proto__',
      multipart,
      good + part('__proto__', 'a', '; filename="a"') + end,
      400,
      'INVALID_REQUEST',
    ],
    ['a field of the path', multipart, good + part('user', 'a') + end, 400, 'INVALID_REQUEST'],
    ['text for a file', multipart, good + part('avatar', 'a') + end, 400, 'INVALID_REQUEST'],
    ['a file for text', multipart, part('age', '1', '; filename="a"') + end, 400, 'INVALID_REQUEST'],
    ['a file that is no field', multipart, good + part('other', 'a', '; filename="a"') + end, 400, 'INVALID_REQUEST'],
    ['what the schema refuses', multipart, part('age', 'many') + end, 400, 'INVALID_REQUEST'],
    [
      'a filename that is a folder',
      multipart,
      good + part('avatar', 'a', '; filename="../"') + end,
      400,
      'INVALID_REQUEST',
    ],
    ['a filename of dots', multipart, good + part('avatar', 'a', '; filename="x/.."') + end, 400, 'INVALID_REQUEST'],
    [
      'a filename with a line',
      multipart,
      good + part('avatar', 'a', '; filename="a%0Ab"') + end,
      400,
      'INVALID_REQUEST',
    ],
    [
      'a filename without end',
      multipart,
      good + part('avatar', 'a', `; filename="${'a'.repeat(256)}"`) + end,
      400,
      'INVALID_REQUEST',
    ],
    ['JSON', 'application/json', '{"age":1}', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['the other kind of form', 'application/x-www-form-urlencoded', 'age=1', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['too much', multipart, good + part('tags', 'a'.repeat(3 << 20)) + end, 413, 'BODY_TOO_LARGE'],
  ] as const)('%s', async ([, type, body, status, reason]) => {
    const { address, defects } = await served([forms])
    const answer = await fetch(`${address}/profiles/ada`, { method: 'POST', body, headers: { 'content-type': type } })
    expect(await answer.json()).toMatchObject({ reason })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('tenon-ran')).toBe('no')
    expect(defects).toEqual([])
    expect({}).not.toHaveProperty('a')
  })

  test.for([
    ['__proto__', '__proto__=1', 'INVALID_REQUEST'],
    ['a field twice', 'age=1&age=2', 'INVALID_REQUEST'],
    ['broken encoding', 'name=%E9', 'INVALID_REQUEST'],
    ['too many', `${'a=1&'.repeat(1_001)}`, 'INVALID_REQUEST'],
    ['a field behind too many that are empty', `name=a&age=1${'&'.repeat(1_002)}age=2`, 'INVALID_REQUEST'],
    ['latin1', Buffer.from('name=\xe9', 'latin1'), 'MALFORMED_BODY'],
  ] as const)('urlencoded: %s', async ([, body, reason]) => {
    const { address } = await served([forms])
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await fetch(`${address}/login`, { method: 'POST', body, headers })
    expect([answer.status, ((await answer.json()) as { reason: string }).reason]).toEqual([400, reason])
  })

  test('forms where none is declared', async () => {
    const { address } = await served([forms])
    const form = new FormData()
    form.set('name', 'a')
    for (const body of [form, new URLSearchParams('name=a')])
      expect((await fetch(`${address}/plain`, { method: 'POST', body })).status).toBe(415)
  })
})

test.for([
  ['/etc/passwd', 'passwd'],
  ['..\\..\\boot.ini', 'boot.ini'],
  ['C:\\fakepath\\a b.png', 'a b.png'],
  ['ä%22.png', 'ä".png'],
])('the filename %s is %s', async ([given, name]) => {
  const { address } = await served([forms])
  const body = `${good}${part('avatar', 'a', `; filename="${given}"`)}${end}`
  const answer = await fetch(`${address}/profiles/u`, { method: 'POST', body, headers: { 'content-type': multipart } })
  expect(await answer.json()).toMatchObject({ seen: { avatar: { name } } })
})

test.for([
  [
    '.NET, which quotes no names',
    `--${boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=age\r\n\r\n1\r\n--${boundary}\r\nContent-Disposition: form-data; name=avatar; filename=a.txt; filename*=utf-8''b.txt\r\n\r\nx\r\n${end}`,
  ],
  [
    'OkHttp, which counts the bytes of parts',
    part('age', '1', '\r\ncontent-type: text/plain\r\ncontent-length: 1') +
      part('avatar', 'x', '; filename="a.txt"') +
      end,
  ],
  [
    'mail programs, with text around the parts',
    `a preamble\r\n${good}${part('avatar', 'x', '; filename="a.txt"')}${end}an epilogue`,
  ],
  ['one that ends without a line', `${good}${part('avatar', 'x', '; filename="a.txt"')}${end.trim()}`],
  [
    'one that pads boundaries',
    (good + part('avatar', 'x', '; filename="a.txt"') + end).replaceAll(`${boundary}\r`, `${boundary} \t\r`),
  ],
] as const)('the form of %s is read', async ([, body]) => {
  const { address } = await served([forms])
  const answer = await fetch(`${address}/profiles/u`, { method: 'POST', body, headers: { 'content-type': multipart } })
  expect(await answer.json()).toMatchObject({ seen: { age: 1, avatar: { name: 'a.txt', content: 'bytes x' } } })
})

test('a name may be escaped, and bytes may hold what only looks like a boundary', async () => {
  const { address } = await served([forms])
  const bytes = `${boundary}\r\n--${boundary.slice(1)}\r\n--${boundary}x\r\n--\r\n`
  const body = good + part('avatar', bytes, '; filename="a\\"b.txt"') + end
  const answer = await fetch(`${address}/profiles/u`, { method: 'POST', body, headers: { 'content-type': multipart } })
  expect(await answer.json()).toMatchObject({ seen: { avatar: { name: 'a"b.txt', content: `bytes ${bytes}` } } })
})

test('a file that nobody chose is none, an unknown field is the schema s business, and U+FFFD may be meant', async () => {
  const { address } = await served([forms])
  const body = `${good}${part('avatar', '', '; filename=""\r\ncontent-type: application/octet-stream')}${part('more', '1')}${part('tags', '\ufffd')}${end}`
  const answer = await fetch(`${address}/profiles/u`, { method: 'POST', body, headers: { 'content-type': multipart } })
  expect(await answer.json()).toEqual({ seen: { user: 'u', age: 1, admin: false, tags: ['\ufffd'] } })
})

test('what a platform writes is read as it was, and what is broken of it is refused', async () => {
  const rule = Forms.specs.get('save')?.http.form
  if (rule === undefined) return expect.unreachable()
  const written = fc.record({
    tags: fc.array(fc.string({ unit: 'grapheme' }).map(text => text.replace(/[\r\n\0]/g, '-'))),
    name: fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).map(text => text.replace(/[\p{Cc}/\\.]/gu, '-')),
    content: fc.oneof(
      fc.uint8Array(),
      fc.string({ unit: fc.constantFrom('\r', '\n', '-', 'x') }).map(text => Buffer.from(text)),
    ),
    at: fc.nat(),
    byte: fc.constantFrom(0x0d, 0x0a, 0x2d, 0x22, 0x3b, 0xff, 0x00),
  })
  await fc.assert(
    fc.asyncProperty(written, async ({ tags, name, content, at, byte }) => {
      const form = new FormData()
      for (const tag of tags) form.append('tags', tag)
      form.set('avatar', new Blob([new Uint8Array(content)], { type: 'a/b' }), name)
      const response = new Response(form)
      const type = response.headers.get('content-type') ?? ''
      const body = new Uint8Array(await response.arrayBuffer())
      const avatar = { name, type: 'a/b', content: new Uint8Array(content) }
      expect(readForm(rule, body, type)).toEqual({ tags, avatar })
      body[at % body.length] = byte
      try {
        readForm(rule, body.subarray(0, at % 3 === 0 ? at % body.length : undefined), type)
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(CallError)
      }
    }),
    { numRuns: deep(50, 5_000) },
  )
})

test('a form that is made to be slow costs time linear in its length', () => {
  const rule = Forms.specs.get('save')?.http.form
  if (rule === undefined) return expect.unreachable()
  const slow = (filling: string) => (length: number) => part('tags', filling.repeat(length / filling.length))
  const fillings = ['-', `\r\n--${boundary.slice(1)}`, '\xef\xbf', `--${boundary}`, '\r', `\r\n--${boundary}-`]
  const inName = (length: number) => part('tags', 'a', `; filename="${'\\"'.repeat(length / 128)}`)
  for (const form of [...fillings.map(slow), inName]) {
    const costs: number[] = []
    for (const length of [100_000, 800_000]) {
      const body = Buffer.from(form(length) + end, 'latin1')
      let least = Number.POSITIVE_INFINITY
      for (let round = 0; round < 3; round++) {
        const before = process.cpuUsage()
        try {
          readForm(rule, body, multipart)
        } catch {}
        least = Math.min(least, process.cpuUsage(before).user / 1000)
      }
      costs.push(least)
    }
    const [short = 0, long = 0] = costs
    expect(long).toBeLessThan(32 * Math.max(short, 4)) // the square would be 64
  }
})

describe('contracts', () => {
  const made = (request: z.ZodRawShape, more: object = {}) =>
    contract('t.Forms', {
      m: method({
        request: z.object(request),
        response: Seen,
        idempotency: 'unsafe',
        http: { post: '/m', form: 'multipart', ...more },
      }),
    })
  test.for([
    [
      'an object',
      { inner: z.object({ a: z.string() }) },
      {},
      "the field 'inner' cannot be in a form: it is neither text nor a file",
    ],
    ['a file with more', { file: File.extend({ size: z.int() }) }, {}, "the field 'file' cannot be in a form"],
    ['a list of lists', { all: z.array(z.array(Bytes)) }, {}, "the field 'all' cannot be in a form"],
    ['a file in another kind of form', { file: File }, { form: 'urlencoded' }, "the field 'file' cannot be in a form"],
    ['a form of no kind', {}, { form: 'text' }, "http.form must be 'multipart' or 'urlencoded', got 'text'"],
    ['a form of get', {}, { post: undefined, get: '/m' }, 'http.form needs put, post or patch'],
    [
      'a form beside a body',
      { file: Bytes },
      { body: 'file' },
      'http.form needs put, post or patch, no stream, and no http.body',
    ],
  ] as const)('%s is refused', ([, request, more, message]) => {
    expect(() => made(request as z.ZodRawShape, more)).toThrow(`t.Forms/m: ${message}`)
  })

  test('a stream of forms is refused', () => {
    const request = stream(z.object({ a: z.string() }))
    const http = { post: '/m', form: 'multipart' } as const
    expect(() => contract('t.Forms', { m: method({ request, response: Seen, idempotency: 'unsafe', http }) })).toThrow(
      'no stream',
    )
  })

  test('are documented, and tell what breaks whom', async () => {
    const document = openapi(Forms)
    expect(await new Validator().validate(structuredClone(document) as never)).toMatchObject({ valid: true })
    const { paths } = document as { readonly paths: Record<string, Record<string, JsonSchema>> }
    const binary = { type: 'string', format: 'binary' }
    expect(paths['/profiles/{user}']?.['post']?.['requestBody']).toMatchObject({
      required: true,
      content: {
        'multipart/form-data': {
          schema: {
            properties: {
              age: { type: 'integer' },
              avatar: binary,
              notes: { type: 'array', items: binary },
              key: binary,
            },
            required: ['age', 'tags'],
          },
        },
      },
    })
    expect(paths['/login']?.['post']?.['requestBody']).toMatchObject({
      content: { 'application/x-www-form-urlencoded': {} },
    })
    const at = (request: z.ZodRawShape, form: 'multipart' | 'urlencoded' | undefined) =>
      openapi(made(request, { form }))
    const breaking = (before: JsonSchema, after: JsonSchema) =>
      diff(before, after).flatMap(change => (change.breaking ? [`${change.where} ${change.reason}`] : []))
    const a = { a: z.string() }
    expect(breaking(at(a, undefined), at(a, 'urlencoded'))).toEqual([
      'body was application/json and is application/x-www-form-urlencoded',
    ])
    expect(breaking(at(a, 'multipart'), at({ ...a, file: Bytes }, 'multipart'))).toHaveLength(1)
    expect(breaking(at(a, 'multipart'), at({ ...a, file: Bytes.optional() }, 'multipart'))).toEqual([])
  })
})
