// `grpc-timeout`: the time left, as PROTOCOL-HTTP2 of gRPC writes it, in at most eight digits and a unit.

/** grpc-js counts a server's timeout in 32 bits, and takes what is longer for over. */
const longestMs = 2 ** 31 - 1

/** `ms` as `grpc-timeout`, never longer: a callee must not go on when nobody waits. */
export function timeoutText(ms: number): string {
  const left = Math.floor(Math.min(Math.max(1, ms), longestMs))
  return left < 1e8 ? `${left}m` : `${Math.floor(left / 1000)}S`
}
