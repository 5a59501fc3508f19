// The client over gRPC, for `connect`: one connection for all calls, the deadline sent along, the server's failures as they were.
import type { ClientBinding, MethodSpec, RemoteCall } from '../../contract/index.js'
import { CallError, type Failure, isFailure, left } from '../../core/index.js'
import { asBuffer } from './as-buffer.js'
import { type CalledMethod, ClientCall } from './client-call.js'
import { type GrpcMethod, type GrpcServiceOptions, grpcMethod } from './message-codec.js'
import { sentMetadata } from './metadata.js'
import { type ChannelSettings, Remote } from './remote.js'

/** Options of {@link client}. */
export interface GrpcClientOptions extends ChannelSettings, GrpcServiceOptions {
  /** How a method's messages become bytes. @defaultValue protocol buffers, as the contract's schemas and `lock` say */
  readonly methodOf?: (spec: MethodSpec) => GrpcMethod
}

/**
 * A client of the services at `target`, for `connect`. Nothing is opened before the first call; all calls share one connection. Calls
 * fail with `CONNECTION_REFUSED` or `CONNECTION_FAILED` (`ran: 'no'`) where no connection came about, with `CONNECTION_LOST` where one
 * broke, and with `UNEXPECTED_RESPONSE` where something else than gRPC answers. Closing it ends no call: `close()` resolves when all
 * have ended. Throws `RangeError` for limits that make no sense, `TypeError` for a target or TLS that cannot work; `connect` throws
 * `TypeError` for a contract that has no place in a .proto.
 *
 * @param target - `grpc://127.0.0.1:9090`, `grpcs://…` with TLS, or a name of grpc-js' own such as `dns:///orders:9090`
 */
export function client(target: string, options: GrpcClientOptions = {}): ClientBinding {
  const { lock, methodOf = spec => grpcMethod(spec, lock === undefined ? {} : { lock }) } = options
  const remote = new Remote(target, options)
  return {
    name: 'grpc',
    peer: remote.peer,
    method: spec => remoteCall(calledMethod(spec, methodOf(spec)), remote),
    close: () => remote.close(),
  }
}

function calledMethod(spec: MethodSpec, { path, request, response, failures }: GrpcMethod): CalledMethod {
  return {
    path,
    spec,
    request,
    response,
    failures,
    isRequestStreamed: spec.request.streamed,
    isResponseStreamed: spec.response.streamed,
  }
}

function remoteCall(method: CalledMethod, remote: Remote): RemoteCall {
  return (request, context) => {
    const metadata = sentMetadata(context)
    if ('left' in metadata) return metadata
    let message: Buffer | AsyncIterable<unknown>
    try {
      message = method.isRequestStreamed
        ? (request as AsyncIterable<unknown>) // a streaming method
        : asBuffer(method.request.encode(request))
    } catch (thrown) {
      if (!(thrown instanceof CallError) || !isFailure(thrown.failure)) throw thrown
      const failure: Failure = thrown.failure
      return left({ ...failure, ran: 'no' })
    }
    const channel = remote.begin()
    if ('_tag' in channel) return left(channel)
    return new ClientCall(method, remote, context, channel).run(metadata, message)
  }
}
