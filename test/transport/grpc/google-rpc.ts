/** google/rpc/status.proto and error_details.proto, as protobufjs reads and writes them: nothing of it is ours. */
import protobufjs from 'protobufjs'

const root = protobufjs.parse(
  `
  syntax = "proto3";
  package google.rpc;
  message Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message RetryInfo { google.protobuf.Duration retry_delay = 1; }
  message BadRequest {
    message FieldViolation { string field = 1; string description = 2; }
    repeated FieldViolation field_violations = 1;
  }`,
  { keepCase: true },
).root
for (const name of ['any', 'duration', 'struct']) {
  const common = protobufjs.common.get(`google/protobuf/${name}.proto`)
  if (common?.nested !== undefined) root.addJSON(common.nested)
}
root.resolveAll()

/** A message and its type, as JSON has it. */
export type Detail = Readonly<Record<string, unknown>> & { readonly '@type': string }

/** What a Status says; of messages that are not Google's, the type. */
export function decodeStatus(bytes: Uint8Array): { code: number; message: string; details: readonly Detail[] } {
  const { code, message, details } = plain('google.rpc.Status', bytes) as {
    code: number
    message: string
    details?: readonly { type_url: string; value: Uint8Array }[]
  }
  return {
    code,
    message,
    details: (details ?? []).map(({ type_url, value }) => {
      const name = type_url.replace('type.googleapis.com/', '')
      return { '@type': name, ...(name.startsWith('google.') && plain(name, value)) }
    }),
  }
}

/** A Status with some details. */
export function encodeStatus(code: number, message: string, details: readonly Detail[]): Buffer {
  return bytesOf('google.rpc.Status', {
    code,
    message,
    details: details.map(({ '@type': name, ...rest }) => ({
      type_url: `type.googleapis.com/${name}`,
      value: bytesOf(name, rest),
    })),
  })
}

function plain(name: string, bytes: Uint8Array): Record<string, unknown> {
  const type = root.lookupType(name)
  return type.toObject(type.decode(bytes), { longs: Number })
}

function bytesOf(name: string, value: Record<string, unknown>): Buffer {
  const type = root.lookupType(name)
  return Buffer.from(type.encode(type.fromObject(value)).finish())
}
