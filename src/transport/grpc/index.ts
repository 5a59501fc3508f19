// "tenon/transport/grpc": services and clients over gRPC, on @grpc/grpc-js.
export { client, type GrpcClientOptions } from './client.js'
export type { ChannelSettings, TlsClientOptions } from './remote.js'
export { type GrpcServerBinding, server } from './server.js'
export type { GrpcServerOptions } from './server-options.js'
