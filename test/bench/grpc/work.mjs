// The work of the gRPC benchmarks, the same for all: one method, what is sent to it and what must come back, with three headers and a
// deadline, in protocol buffers. Requests are validated by the server, and responses by the client.
import protobuf from 'protobufjs'
import { contract, method } from 'tenon'
import { z } from 'zod'

/** How long a call may take, in ms. */
export const deadlineMs = 30_000

export const headers = {
  authorization: `Bearer ${'a'.repeat(200)}`,
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'x-request-id': '5f0c1a52-3f0e-4c1b-9a53-3f7d3b0e7c11',
}

export const schemas = { request: z.object({ s: z.string().max(10_000) }), response: z.object({ v: z.string() }) }

export const Text = contract('bench.v1.Text', {
  uppercase: method({ ...schemas, idempotency: 'safe' }),
})

/** The business. */
export const uppercase = ({ s }) => ({ v: s.toUpperCase() })

const { root } = protobuf.parse(
  'syntax = "proto3"; message Request { string s = 1; } message Response { string v = 1; }',
)
const [Request, Response] = ['Request', 'Response'].map(name => root.lookupType(name))

/** The method as generated code describes it to grpc-js. */
export const Uppercase = {
  path: '/bench.v1.Text/Uppercase',
  requestStream: false,
  responseStream: false,
  requestSerialize: message => Request.encode(message).finish(),
  requestDeserialize: bytes => Request.decode(bytes),
  responseSerialize: message => Response.encode(message).finish(),
  responseDeserialize: bytes => Response.decode(bytes),
}

export const inputs = Array.from({ length: 1024 }, (_, n) => ({ s: `the quick brown fox jumps over ${n} lazy dogs` }))
