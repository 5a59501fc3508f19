/** TestService of gRPC's interoperability tests, served with Tenon. */
import { CallError, type Context, codes, failed, failureOf, implement, left } from 'tenon'
import { TestService } from './messages.js'

interface EchoStatus {
  readonly code: number
  readonly message: string
}

interface Parameters {
  readonly size?: number | undefined
  readonly intervalUs?: number | undefined
}

function echo({ metadata, reply }: Context): void {
  const initial = metadata.get('x-grpc-test-echo-initial')
  const trailing = metadata.get('x-grpc-test-echo-trailing-bin')
  if (initial !== undefined) reply.header('x-grpc-test-echo-initial', initial)
  if (trailing !== undefined) reply.trailer('x-grpc-test-echo-trailing-bin', trailing)
}

function echoed({ code, message }: EchoStatus): ReturnType<typeof failureOf> {
  return failureOf(codes[code - 1] ?? 'unknown', 'INTEROP', message)
}

async function* payloads(parameters: readonly Parameters[] = []): AsyncGenerator<{ payload: { body: Uint8Array } }> {
  for (const { size = 0, intervalUs = 0 } of parameters) {
    if (intervalUs > 0) await new Promise(resolve => setTimeout(resolve, intervalUs / 1000))
    yield { payload: { body: new Uint8Array(size) } }
  }
}

export const testService = implement(TestService).handlers({
  emptyCall: () => ({}),
  unaryCall({ responseSize = 0, responseStatus }, context) {
    echo(context)
    if (responseStatus !== undefined && responseStatus.code !== 0) return left(echoed(responseStatus))
    return { payload: { body: new Uint8Array(responseSize) } }
  },
  async streamingInputCall(requests) {
    let aggregatedPayloadSize = 0
    for await (const { payload } of requests) aggregatedPayloadSize += payload?.body?.length ?? 0
    return { aggregatedPayloadSize }
  },
  streamingOutputCall: ({ responseParameters }) => payloads(responseParameters),
  fullDuplexCall(requests, context) {
    echo(context)
    return (async function* () {
      for await (const { responseParameters, responseStatus } of requests) {
        if (responseStatus !== undefined && responseStatus.code !== 0)
          throw new CallError<never>(echoed(responseStatus))
        yield* payloads(responseParameters)
      }
    })()
  },
  unimplementedCall: () => failed('unimplemented', 'INTEROP', 'as its name says'),
})
