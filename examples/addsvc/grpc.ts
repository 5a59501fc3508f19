// gRPC, as in pkg/addtransport/grpc.go: the messages of pb/addsvc.proto to and from what endpoints take. Rules of the business that were
// broken are a field of the reply; whatever else fails is a status, UNKNOWN as in Go kit.
import { call, connect, type Failure, failed, fromPromise, implement, type Left } from 'tenon'
import type { AnyService } from 'tenon/contract'
import * as grpc from 'tenon/transport/grpc'
import { fromService } from 'tenon/transport/grpc/protobuf-es'
import { type AddEndpoints, clientLayers, errorText, type Pair } from './endpoints.js'
import type { AddClient } from './http.js'
import { Add } from './pb/addsvc_pb.js'
import type { Answer } from './service.js'

const contract = fromService(Add)

/** The service as `grpc.server` takes it. */
export function addServer({ sum, concat }: AddEndpoints): AnyService {
  return implement(contract).handlers({
    sum: async ({ a, b }, context) => replyOf(await call(sum, { a, b }, { context })),
    concat: async ({ a, b }, context) => replyOf(await call(concat, { a, b }, { context })),
  })
}

function replyOf<V>(outcome: Left<Failure> | { readonly _tag: 'Right'; readonly right: Answer<V> }) {
  if (outcome._tag === 'Left') return failed('unknown', outcome.left.reason, errorText(outcome.left))
  const { v, err = '' } = outcome.right
  return { v, err }
}

/** @param address - `host:port` */
export function grpcClient(address: string): AddClient {
  const binding = grpc.client(`grpc://${address.replace(/^:/, 'localhost:')}`)
  const client = connect(contract, binding)
  const layers = clientLayers()
  const answerOf = <V>({ v, err }: { readonly v: V; readonly err: string }): Answer<V> =>
    err === '' ? { v } : { v, err }
  return {
    sum: layers(30_000)(
      fromPromise(async (pair: Pair<bigint>, context) => {
        const outcome = await call(client.sum, pair, { context })
        return outcome._tag === 'Left' ? outcome : answerOf(outcome.right)
      }),
    ),
    concat: layers(10_000)(
      fromPromise(async (pair: Pair<string>, context) => {
        const outcome = await call(client.concat, pair, { context })
        return outcome._tag === 'Left' ? outcome : answerOf(outcome.right)
      }),
    ),
    close: () => binding.close(),
  }
}
