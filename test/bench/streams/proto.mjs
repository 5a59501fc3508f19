// The stream's method as generated code describes it to grpc-js.
import protobuf from 'protobufjs'

const { root } = protobuf.parse(
  'syntax = "proto3"; message Order { int32 count = 1; int32 size = 2; } message Item { int32 n = 1; string text = 2; }',
)
const [Order, Item] = ['Order', 'Item'].map(name => root.lookupType(name))

export const Items = {
  path: '/bench.v1.Text/Items',
  requestStream: false,
  responseStream: true,
  requestSerialize: message => Order.encode(message).finish(),
  requestDeserialize: bytes => Order.decode(bytes),
  responseSerialize: message => Item.encode(message).finish(),
  responseDeserialize: bytes => Item.decode(bytes),
}
