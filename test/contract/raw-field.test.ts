/** Fields that are bodies by themselves: which may be, what documents say of them, and what changing them breaks. */
import { Validator } from '@seriousme/openapi-schema-validator'
import { toJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import { contract, diff, type HttpBinding, type JsonSchema, method, openapi, stream } from 'tenon/contract'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Files } from '../transport/http/files.js'

const Bytes = z.instanceof(Uint8Array).or(z.base64().transform(text => Uint8Array.from(Buffer.from(text, 'base64'))))
const fields = {
  id: z.string(),
  content: Bytes,
  perhaps: Bytes.optional(),
  type: z.string(),
  types: z.array(z.string()),
  inner: z.object({}),
}

function contractOf(
  http: HttpBinding,
  { request = fields, response = { content: Bytes } }: Record<string, z.ZodRawShape> = {},
) {
  return contract('t.Files', {
    put: method({ request: z.object(request), response: z.object(response), idempotency: 'idempotent', http }),
  })
}

const { inner: _, ...flat } = fields

describe('what cannot be a body is refused by name', () => {
  test.for([
    ['no field', { put: '/f', body: 'nothing' }, "http.body: there is no field 'nothing'"],
    ['text', { put: '/f', body: 'id' }, "http.body: the field 'id' is no bytes"],
    ['a list', { put: '/f', body: 'types' }, "http.body: the field 'types' is no bytes"],
    ['a field that may be missing', { put: '/f', body: 'perhaps' }, "the field 'perhaps' must be required"],
    [
      'a field of the path',
      { put: '/f/{content}', body: 'content' },
      "the field 'content' is in the path and cannot be the body, too",
    ],
    ['a body of get', { get: '/f', body: 'content' }, 'http.body needs put, post or patch'],
    [
      'what cannot be in the query beside it',
      { put: '/f', body: 'content' },
      "the field 'inner' cannot be written in a query",
    ],
    [
      'no media type',
      { put: '/f', body: { field: 'content', type: 'png' } },
      "'png' is no media type like image/png or image/*",
    ],
    [
      'a range of which nobody says the type',
      { put: '/f', body: { field: 'content', type: 'image/*' } },
      "'image/*' needs a typeField",
    ],
    [
      'a list of types',
      { put: '/f', body: { field: 'content', typeField: 'types' } },
      "'types' cannot hold a content type",
    ],
    [
      'a type that is bytes',
      { put: '/f', body: { field: 'content', typeField: 'content' } },
      "'content' cannot hold a content type",
    ],
    [
      'a type that is no field',
      { put: '/f', body: { field: 'content', typeField: 'no' } },
      "'no' cannot hold a content type",
    ],
    ['a limit of nothing', { put: '/f', maxBodyBytes: 0 }, 'http.maxBodyBytes must be a whole number from 1 on, got 0'],
  ] as const)('%s', ([, http, message]) => {
    expect(() => contractOf(http)).toThrow(`t.Files/put: ${message.startsWith('http') ? message : ''}`)
    expect(() => contractOf(http)).toThrow(message)
  })

  test.for([
    [
      'would be lost beside it',
      { content: Bytes, size: z.int() },
      'content',
      "the field 'size' would be lost: there is only the body",
    ],
    ['may be missing', { content: Bytes.optional() }, 'content', "the field 'content' must be required"],
    ['could be of any type', { content: Bytes }, { field: 'content', type: '*/*' }, "'*/*' needs a typeField"],
  ] as const)('a response of which something %s', ([, response, responseBody, message]) => {
    expect(() => contractOf({ put: '/f', responseBody }, { request: flat, response })).toThrow(
      `t.Files/put: http.responseBody: ${message}`,
    )
  })

  test('an item with more than its chunk', () => {
    const Item = z.object({ chunk: Bytes, name: z.string().optional() })
    expect(() =>
      contract('t.Files', {
        up: method({
          request: stream(Item),
          response: z.object({}),
          idempotency: 'unsafe',
          http: { post: '/u', body: 'chunk' },
        }),
      }),
    ).toThrow("t.Files/up: http.body: the field 'name' would be lost")
  })
})

test.for([
  ['zod', z.object({ content: Bytes }), {}],
  [
    'valibot',
    v.object({ content: v.union([v.instance(Uint8Array), v.pipe(v.string(), v.base64())]) }),
    { toJsonSchema },
  ],
  ['arktype', type({ content: type('string.base64').or(type.instanceOf(Uint8Array)) }), {}],
] as const)('bytes of %s can be a body', ([, Message, options]) => {
  const http = { put: '/f', body: 'content', responseBody: 'content' }
  const put = method({ request: Message, response: Message, idempotency: 'idempotent', http })
  const rule = contract('t.Files', { put }, options).specs.get('put')?.http
  expect(rule?.body).toEqual({ field: 'content', type: 'application/octet-stream', typeField: undefined })
  expect(rule?.responseBody).toEqual(rule?.body)
})

describe('documents', () => {
  test('say which bodies are bytes, and where the other fields are', async () => {
    const document = openapi(Files)
    expect(await new Validator().validate(structuredClone(document) as never)).toMatchObject({ valid: true })
    const binary = { schema: { type: 'string', format: 'binary' } }
    const { paths } = document as { readonly paths: Record<string, Record<string, JsonSchema>> }
    expect(paths['/files/{name}']?.['put']).toMatchObject({
      requestBody: { required: true, content: { '*/*': binary } },
      parameters: [
        { name: 'name', in: 'path' },
        { name: 'times', in: 'query' },
      ],
    })
    expect(paths['/plain']?.['post']?.['requestBody']).toEqual({
      required: true,
      content: { 'application/octet-stream': binary },
    })
    expect(paths['/downloads/{name}']?.['get']?.['responses']).toMatchObject({
      200: { content: { 'text/csv': binary } },
    })
  })

  test('tell what breaks whom when a body becomes bytes, or bytes of another type', () => {
    const at = (http: HttpBinding) => openapi(contractOf(http, { request: flat }))
    const changes = (before: HttpBinding, after: HttpBinding) =>
      diff(at(before), at(after)).flatMap(({ breaking, direction, where, reason }) =>
        breaking ? [`${direction} ${where} ${reason}`] : [],
      )
    const json = { put: '/f' }
    expect(changes(json, { ...json, body: 'content' })).toContain(
      'request body was application/json and is application/octet-stream',
    )
    expect(changes({ ...json, body: 'content' }, { ...json, body: { field: 'content', type: 'image/png' } })).toEqual([
      'request body was application/octet-stream and is image/png',
    ])
    expect(changes(json, { ...json, responseBody: 'content' })).toEqual([
      'response 200 was application/json and is application/octet-stream',
    ])
    expect(changes({ ...json, body: 'content' }, { ...json, body: 'content', maxBodyBytes: 7 })).toEqual([])
  })
})
