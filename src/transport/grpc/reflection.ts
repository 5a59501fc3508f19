// grpc.reflection.v1 and v1alpha, which are the same but for their names: what tools ask that have no .proto.
// https://github.com/grpc/grpc-proto/blob/master/grpc/reflection/v1/reflection.proto
import type { Descriptors } from './descriptors.js'
import { plainRoute } from './plain-route.js'
import { bytesField, fieldsOf, messageOf, textField, textOf, varintField } from './protobuf.js'
import type { Route } from './route.js'

const versions = ['v1', 'v1alpha']

const notFound = 5
const unimplemented = 12

/** Reflection over services by name, and their descriptors. */
export function reflectionRoutes(names: readonly string[], descriptors: Descriptors): readonly Route[] {
  const answer = (request: unknown): Uint8Array => answerTo(request as Uint8Array, names, descriptors) // as decoded below
  return versions.map(version =>
    plainRoute({
      service: `grpc.reflection.${version}.ServerReflection`,
      name: 'ServerReflectionInfo',
      requestStreamed: true,
      responseStreamed: true,
      request: { decode: readable },
      response: { encode: value => value as Uint8Array }, // as `answer` gives it
      run: requests => answers(requests as AsyncIterable<unknown>, answer), // a stream
    }),
  )
}

/** The bytes as they are, since they are sent back. Throws where they are no message. */
function readable(bytes: Uint8Array): Uint8Array {
  fieldsOf(bytes)
  return bytes
}

async function* answers(
  requests: AsyncIterable<unknown>,
  answer: (request: unknown) => Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const request of requests) yield answer(request)
}

/** A ServerReflectionResponse. */
function answerTo(request: Uint8Array, names: readonly string[], descriptors: Descriptors): Uint8Array {
  const asked = fieldsOf(request)
  const host = asked.find(({ number }) => number === 1)
  const question = asked.findLast(({ number }) => number >= 3 && number <= 7)
  const begun = [...(host === undefined ? [] : [textField(1, textOf(host))]), bytesField(2, request)]
  const files = (found: readonly Uint8Array[], what: string): Uint8Array =>
    found.length === 0
      ? failed(notFound, `${what} is not known here`)
      : bytesField(4, messageOf(...found.map(file => bytesField(1, file))))
  const failed = (code: number, message: string): Uint8Array =>
    bytesField(7, messageOf(varintField(1, code), textField(2, message)))
  const answer = (): Uint8Array => {
    switch (question?.number) {
      case 3:
        return files(descriptors.file(textOf(question)), 'the file')
      case 4:
        return files(descriptors.fileOf(textOf(question)), 'the symbol')
      case 7:
        return bytesField(6, messageOf(...names.map(name => bytesField(1, textField(1, name)))))
      case 5:
      case 6:
        return failed(notFound, 'there are no extensions here')
      default:
        return failed(unimplemented, 'nothing that is known here was asked')
    }
  }
  return messageOf(...begun, answer())
}
