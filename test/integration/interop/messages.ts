/**
 * The messages of gRPC's own interoperability tests, as grpc/testing/messages.proto has them, through protobufjs: so that nothing of
 * ours stands between the schemas of a contract and the bytes of the others.
 * https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
 */
import protobuf from 'protobufjs'
import { contract, method, stream } from 'tenon'
import type { MethodSpec } from 'tenon/contract'
import { z } from 'zod'
import type { GrpcMethod, MessageCodec } from '../../../src/transport/grpc/message-codec.js'

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Empty {}
  message Payload { int32 type = 1; bytes body = 2; }
  message EchoStatus { int32 code = 1; string message = 2; }
  message SimpleRequest { int32 response_size = 2; Payload payload = 3; EchoStatus response_status = 7; }
  message SimpleResponse { Payload payload = 1; }
  message StreamingInputCallRequest { Payload payload = 1; }
  message StreamingInputCallResponse { int32 aggregated_payload_size = 1; }
  message ResponseParameters { int32 size = 1; int32 interval_us = 2; }
  message StreamingOutputCallRequest {
    repeated ResponseParameters response_parameters = 2; Payload payload = 3; EchoStatus response_status = 7;
  }
  message StreamingOutputCallResponse { Payload payload = 1; }
`)

function codec(typeName: string): MessageCodec {
  const type = root.lookupType(typeName)
  return {
    typeName: `grpc.testing.${typeName}`,
    encode: value => type.encode(type.fromObject(value as Record<string, unknown>)).finish(),
    decode: bytes => type.toObject(type.decode(bytes), { arrays: true }),
  }
}

const Bytes = z
  .custom<Uint8Array>(value => value instanceof Uint8Array)
  .or(z.base64().transform((text): Uint8Array => Buffer.from(text, 'base64')))
const Payload = z.object({ body: Bytes.optional() }).optional()
const Status = z.object({ code: z.int32(), message: z.string() }).optional()
const Empty = z.object({})
const Simple = z.object({ responseSize: z.int32().optional(), payload: Payload, responseStatus: Status })
const Parameters = z.array(z.object({ size: z.int32().optional(), intervalUs: z.int32().optional() }))
const Output = z.object({ responseParameters: Parameters.optional(), payload: Payload, responseStatus: Status })
const WithPayload = z.object({ payload: Payload })
const idempotency = 'idempotent'

export const TestService = contract('grpc.testing.TestService', {
  emptyCall: method({ request: Empty, response: Empty, idempotency }),
  unaryCall: method({ request: Simple, response: WithPayload, idempotency }),
  streamingInputCall: method({
    request: stream(WithPayload),
    response: z.object({ aggregatedPayloadSize: z.int32().optional() }),
    idempotency,
  }),
  streamingOutputCall: method({ request: Output, response: stream(WithPayload), idempotency }),
  fullDuplexCall: method({ request: stream(Output), response: stream(WithPayload), idempotency }),
  unimplementedCall: method({ request: Empty, response: Empty, idempotency }),
})
export const UnimplementedService = contract('grpc.testing.UnimplementedService', {
  unimplementedCall: method({ request: Empty, response: Empty, idempotency }),
})

const messages: Readonly<Record<string, readonly [request: string, response: string]>> = {
  emptyCall: ['Empty', 'Empty'],
  unaryCall: ['SimpleRequest', 'SimpleResponse'],
  streamingInputCall: ['StreamingInputCallRequest', 'StreamingInputCallResponse'],
  streamingOutputCall: ['StreamingOutputCallRequest', 'StreamingOutputCallResponse'],
  fullDuplexCall: ['StreamingOutputCallRequest', 'StreamingOutputCallResponse'],
  unimplementedCall: ['Empty', 'Empty'],
}

/** A method of the contracts above, in the bytes of grpc/testing. */
export function interopMethod({ info }: MethodSpec): GrpcMethod {
  const [request, response] = messages[info.name] ?? ['Empty', 'Empty']
  const name = info.name.charAt(0).toUpperCase() + info.name.slice(1)
  return { path: `/${info.service}/${name}`, request: codec(request), response: codec(response), failures: new Map() }
}
