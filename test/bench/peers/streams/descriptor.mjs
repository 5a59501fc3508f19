// The service as protobuf-es knows it: the same messages, described as protoc would.
import { create, createFileRegistry } from '@bufbuild/protobuf'
import { FieldDescriptorProto_Type, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'

const { INT32, STRING } = FieldDescriptorProto_Type
const message = (name, fields) => ({
  name,
  field: Object.entries(fields).map(([name, type], i) => ({ name, number: i + 1, type, label: 1, jsonName: name })),
})
const registry = createFileRegistry(
  create(FileDescriptorSetSchema, {
    file: [
      {
        name: 'streams.proto',
        package: 'bench.v1',
        syntax: 'proto3',
        messageType: [message('Order', { count: INT32, size: INT32 }), message('Item', { n: INT32, text: STRING })],
        service: [
          {
            name: 'Text',
            method: [
              { name: 'Items', inputType: '.bench.v1.Order', outputType: '.bench.v1.Item', serverStreaming: true },
            ],
          },
        ],
      },
    ],
  }),
)

export const service = registry.getService('bench.v1.Text')
