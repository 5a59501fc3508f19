// Methods of gRPC's own, beside the contracts' and by no contract: health and reflection.
import { type Context, fromPromise } from '../../core/index.js'
import type { MessageCodec } from './message-codec.js'
import type { Route } from './route.js'

/** A method without a contract. */
export interface PlainMethod {
  /** `grpc.health.v1.Health` */
  readonly service: string
  /** `Check` */
  readonly name: string
  readonly requestStreamed?: boolean
  readonly responseStreamed?: boolean
  readonly request: Pick<MessageCodec, 'decode'>
  readonly response: Pick<MessageCodec, 'encode'>
  run(request: unknown, context: Context): unknown
}

/** The path of a method without a contract. Its callers choose how long it takes. */
export function plainRoute(method: PlainMethod): Route {
  const { service, name, request, response, requestStreamed = false, responseStreamed = false } = method
  return {
    path: `/${service}/${name}`,
    service,
    spec: undefined,
    endpoint: fromPromise(async (message: unknown, context) => method.run(message, context)),
    requestStreamed,
    responseStreamed,
    request,
    response,
    failures: new Map(),
    deadlineMs: Number.POSITIVE_INFINITY,
    maxDeadlineMs: Number.POSITIVE_INFINITY,
  }
}
