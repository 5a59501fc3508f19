// What HTTP statuses mean that came without a failure of ours, over HTTP or in the headers of NATS services: gRPC's http-grpc-status-mapping.
import type { Code } from '../core/index.js'

const codeOfStatus: ReadonlyMap<number, Code> = new Map<number, Code>([
  [400, 'invalid_argument'],
  [401, 'unauthenticated'],
  [403, 'permission_denied'],
  [404, 'unimplemented'],
  [405, 'unimplemented'],
  [408, 'deadline_exceeded'],
  [409, 'aborted'],
  [413, 'resource_exhausted'],
  [415, 'invalid_argument'],
  [429, 'resource_exhausted'],
  [499, 'cancelled'],
  [501, 'unimplemented'],
  [502, 'unavailable'],
  [503, 'unavailable'],
  [504, 'unavailable'],
])

/** What a status means that came without problem details: from a proxy, or a server that is not ours. */
export function codeOf(status: number): Code {
  return codeOfStatus.get(status) ?? (status >= 500 ? 'internal' : 'unknown')
}
