// "tenon/transport/grpc/protobuf-es": contracts of code that protoc-gen-es has generated from a .proto.
export { fromService, type ServiceMethodOptions, type ServiceMethods } from './from-service.js'
export type { MessageInput, MessageSchema } from './message-schema.js'
