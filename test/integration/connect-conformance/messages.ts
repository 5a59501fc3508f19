/** The messages of Connect's conformance tests, and how its programs talk: each message behind its length, on stdin and stdout. */
import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'
import { contract, method, stream } from 'tenon'
import type { MethodSpec } from 'tenon/contract'
import { z } from 'zod'
import type { GrpcMethod, MessageCodec } from '../../../src/transport/grpc/message-codec.js'

const { root } = protobuf.parse(readFileSync('test/integration/connect-conformance/messages.proto', 'utf8'), {
  keepCase: false,
})
const packageName = 'connectrpc.conformance.v1'

/** A message as plain data. */
export type Data = Readonly<Record<string, unknown>>

export function codecOf(name: string): Pick<MessageCodec, 'typeName' | 'encode'> & { decode(bytes: Uint8Array): Data } {
  const type = root.lookupType(`${packageName}.${name}`)
  return {
    typeName: `${packageName}.${name}`,
    encode: value => type.encode(type.fromObject(value as Data)).finish(),
    decode: bytes => type.toObject(type.decode(bytes), { longs: Number, arrays: true }),
  }
}

/** An Any as the messages have it. */
export interface Any {
  readonly typeUrl: string
  readonly value: Uint8Array
}

export function anyOf(name: string, message: unknown): Any {
  const { typeName, encode } = codecOf(name)
  return { typeUrl: `type.googleapis.com/${typeName}`, value: encode(message) }
}

export interface Header {
  readonly name: string
  readonly value: readonly string[]
}

export interface ErrorDefinition {
  readonly code: number
  readonly message?: string
  readonly details: readonly Any[]
}

const Message = z.looseObject({})
const idempotency = 'unsafe'
/** What a call has whose caller names no deadline: more than any of them names. */
export const ownDeadlineMs = 3_600_000
const deadlineMs = ownDeadlineMs
const kinds = {
  unary: { request: Message, response: Message, idempotency, deadlineMs },
  serverStream: { request: Message, response: stream(Message), idempotency, deadlineMs },
  clientStream: { request: stream(Message), response: Message, idempotency, deadlineMs },
  bidiStream: { request: stream(Message), response: stream(Message), idempotency, deadlineMs },
} as const

export const Conformance = contract(`${packageName}.ConformanceService`, {
  unary: method(kinds.unary),
  idempotentUnary: method(kinds.unary),
  unimplemented: method(kinds.unary),
  serverStream: method(kinds.serverStream),
  clientStream: method(kinds.clientStream),
  bidiStream: method(kinds.bidiStream),
})

export function conformanceMethod({ info }: MethodSpec): GrpcMethod {
  const name = info.name.charAt(0).toUpperCase() + info.name.slice(1)
  return {
    path: `/${info.service}/${name}`,
    request: codecOf(`${name}Request`),
    response: codecOf(`${name}Response`),
    failures: new Map(),
  }
}

/** The messages on stdin, each behind its length. */
export async function* messagesIn(name: string): AsyncGenerator<Data> {
  const { decode } = codecOf(name)
  let rest = Buffer.alloc(0)
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const end = 4 + rest.readUInt32BE(0)
      yield decode(rest.subarray(4, end))
      rest = rest.subarray(end)
    }
  }
}

/** Writes a message to stdout, behind its length. */
export function write(name: string, message: Data): void {
  const bytes = codecOf(name).encode(message)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  process.stdout.write(Buffer.concat([length, bytes]))
}
