/** gRPC keeps the conformance suite, but for what protocol buffers have no place for; with JSON for messages, that too. */
import { bindingHarness, conformanceTests, type TransportHarness, transportConformance } from 'tenon/testkit'
import * as grpc from 'tenon/transport/grpc'
import { describe, test } from 'vitest'
import { jsonMethod } from './grpc/json-codec.js'

// Sometimes it arrives in time: no deviation to be declared, which must always fail.
const overtaken = /thrown by the caller's own stream ends the call as cancelled$/
const why = 'gRPC has no word for a stream that its sender gave up: the reset overtakes items that were sent before it'

const unfit = 'a field of another type has no place in a message, so that it is never sent'
const dropped = 'a field that the schema does not name is not sent, whatever it is'
const deviations = {
  'bindings: a field of the wrong type is refused by name, wherever it is': unfit,
  'domain failures: details that do not fit the schema are the mistake of the service': unfit,
  'messages: a request that does not fit is refused with each issue and its path': unfit,
  'messages: a request that is no object at all is refused': unfit,
  'messages: a response that does not fit is the mistake of the service': unfit,
  'streams: an item that does not fit fails the stream and ends its work': unfit,
  'request streams: an item that does not fit is the mistake of the caller': unfit,
  'messages: a response that cannot be written is a defect of the service': dropped,
  'messages: a request that cannot be written is refused before it is sent': dropped,
  'streams: an item that cannot be written is a defect of the service': dropped,
  'request streams: an item that cannot be written ends the call as cancelled': dropped,
  'domain failures: one unknown to an older client keeps code, tag and details':
    'the details are a message, which only a client that declares the failure can read',
}

function harnessOf(name: string, options: Pick<grpc.GrpcServerOptions, 'methodOf'>): TransportHarness {
  return bindingHarness({
    name,
    server: () => grpc.server({ port: 0, ...options }),
    client: address => grpc.client(address, options),
    maxMessageBytes: 4 << 20,
  })
}

describe('grpc', () => {
  const harness = harnessOf('grpc', {})
  for (const { name, run } of conformanceTests(transportConformance, harness, { deviations })) {
    test(name, ({ skip }) => (overtaken.test(name) ? skip(why) : run()))
  }
})

describe('grpc with JSON', () => {
  const cases = transportConformance.filter(({ name }) => Object.hasOwn(deviations, name))
  const harness = harnessOf('grpc with JSON', { methodOf: jsonMethod })
  for (const { name, run } of conformanceTests(cases, harness)) test(name, run)
})
