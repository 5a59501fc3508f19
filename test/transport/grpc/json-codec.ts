/** Messages as JSON over gRPC: what is left of a test when protocol buffers are taken away. */
import type { MethodSpec } from 'tenon/contract'
import { jsonText, parseJson } from 'tenon/transport'
import type { GrpcMethod, MessageCodec } from '../../../src/transport/grpc/message-codec.js'

const json: MessageCodec = {
  typeName: 'google.protobuf.Struct',
  encode: value => Buffer.from(jsonText(value)),
  decode: bytes => parseJson(Buffer.from(bytes).toString('utf8')),
}

/** A method with messages that are JSON; details of failures are Structs. */
export function jsonMethod({ info }: MethodSpec): GrpcMethod {
  return { path: `/${info.service}/${info.name}`, request: json, response: json, failures: new Map() }
}
