// "tenon/transport/grpc": services and clients over gRPC, on @grpc/grpc-js.
export { client, type GrpcClientOptions } from './client.js'
export {
  type ClientCodec,
  type EndpointOptions,
  endpoint,
  type FinishedCall,
  type GrpcEndpoint,
} from './endpoint.js'
export { fromDefinition, type LoadedMethod, type LoadedMethods, type ProtoMethodOptions } from './from-definition.js'
export { handler } from './handler.js'
export type { FinishedHandling, HandlerOptions, ServerCodec, SurfaceCall } from './handler-options.js'
export type { ItemOf } from './item-of.js'
export type { GrpcMethod, GrpcServiceOptions, MessageCodec } from './message-codec.js'
export type { ChannelSettings, TlsClientOptions } from './remote.js'
export type { SentStatus } from './sent-failure.js'
export { type GrpcServerBinding, server } from './server.js'
export type { GrpcServerOptions } from './server-options.js'
