/** A contract with methods whose bodies are bytes, and a service of it. */
import { createHash } from 'node:crypto'
import { type AnyService, contract, type Handler, implement, method, stream } from 'tenon/contract'
import type { Context } from 'tenon/core'
import { z } from 'zod'

export const Bytes = z
  .instanceof(Uint8Array)
  .or(z.base64().transform(text => new Uint8Array(Buffer.from(text, 'base64'))))

const File = z.object({ name: z.string(), content: Bytes, type: z.string(), times: z.int().default(1) })
const Chunk = z.object({ chunk: Bytes })
const Sum = z.object({ bytes: z.int(), sha256: z.string() })

export const Files = contract('test.v1.Files', {
  put: method({
    request: File,
    response: Sum.extend({ type: z.string(), times: z.int() }),
    idempotency: 'idempotent',
    http: { put: '/files/{name}', body: { field: 'content', typeField: 'type' }, maxBodyBytes: 2 << 20 },
  }),
  picture: method({
    request: z.object({ content: Bytes, kind: z.string() }),
    response: Sum,
    idempotency: 'unsafe',
    http: { post: '/pictures', body: { field: 'content', type: 'image/*', typeField: 'kind' } },
  }),
  plain: method({
    request: z.object({ content: Bytes }),
    response: Sum,
    idempotency: 'unsafe',
    http: { post: '/plain', body: 'content' },
  }),
  get: method({
    request: z.object({ name: z.string() }),
    response: z.object({ content: Bytes, type: z.string() }),
    idempotency: 'safe',
    http: { get: '/files/{name}', responseBody: { field: 'content', typeField: 'type' } },
  }),
  upload: method({
    request: stream(Chunk),
    response: Sum,
    idempotency: 'unsafe',
    http: { post: '/uploads', body: 'chunk' },
  }),
  download: method({
    request: z.object({ name: z.string(), chunks: z.int().default(3) }),
    response: stream(Chunk),
    idempotency: 'safe',
    http: { get: '/downloads/{name}', responseBody: { field: 'chunk', type: 'text/csv' } },
  }),
})

type Handlers = { readonly [K in keyof (typeof Files)['methods']]: Handler<(typeof Files)['methods'][K], Context> }

export function sumOf(...chunks: readonly Uint8Array[]): { readonly bytes: number; readonly sha256: string } {
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  return { bytes: chunks.reduce((sum, { length }) => sum + length, 0), sha256: hash.digest('hex') }
}

export function files(changed: Partial<Handlers> = {}): AnyService {
  const stored = new Map<string, { readonly content: Uint8Array<ArrayBuffer>; readonly type: string }>()
  return implement(Files).handlers({
    put({ name, content, type, times }) {
      stored.set(name, { content, type })
      return { ...sumOf(content), type, times }
    },
    picture: ({ content }) => sumOf(content),
    plain: ({ content }) => sumOf(content),
    get: ({ name }) => stored.get(name) ?? { content: Buffer.from(name), type: 'text/plain; charset=utf-8' },
    async upload(items) {
      const hash = createHash('sha256')
      let bytes = 0
      for await (const { chunk } of items) {
        hash.update(chunk)
        bytes += chunk.length
      }
      return { bytes, sha256: hash.digest('hex') }
    },
    async *download({ name, chunks }) {
      for (let index = 0; index < chunks; index++) yield { chunk: Buffer.from(`${name},${index}\n`) }
    },
    ...changed,
  })
}
