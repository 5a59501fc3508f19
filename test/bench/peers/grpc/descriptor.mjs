// The service as protobuf-es knows it: the same messages, described as protoc would.
import { create, createFileRegistry } from '@bufbuild/protobuf'
import { FieldDescriptorProto_Type, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'

const message = (name, field) => ({
  name,
  field: [{ name: field, number: 1, type: FieldDescriptorProto_Type.STRING, label: 1, jsonName: field }],
})
const registry = createFileRegistry(
  create(FileDescriptorSetSchema, {
    file: [
      {
        name: 'bench.proto',
        package: 'bench.v1',
        syntax: 'proto3',
        messageType: [message('Request', 's'), message('Response', 'v')],
        service: [
          {
            name: 'Text',
            method: [{ name: 'Uppercase', inputType: '.bench.v1.Request', outputType: '.bench.v1.Response' }],
          },
        ],
      },
    ],
  }),
)

export const service = registry.getService('bench.v1.Text')
