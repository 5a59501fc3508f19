// The paths that a server answers: the methods of its services, and what gRPC itself offers beside them.
import type { AnyService, Runtime, ServedMethod } from '../../contract/index.js'
import { deadlineMsOf } from '../../core/method.js'
import { Descriptors } from './descriptors.js'
import { type Health, healthOf } from './health.js'
import { type GrpcMethod, type GrpcService, grpcService } from './message-codec.js'
import { reflectionRoutes } from './reflection.js'
import type { Route } from './route.js'
import type { Settings } from './server-options.js'

/** What a server answers. */
export interface Routes {
  readonly byPath: ReadonlyMap<string, Route>
  readonly health: Health | undefined
}

/** The paths of all services. Throws `TypeError` for a contract that has no place in a .proto. */
export function routesOf(services: readonly AnyService[], runtime: Runtime, settings: Settings): Routes {
  const { lock, methodOf, reflection } = settings
  if (methodOf !== undefined && reflection)
    throw new TypeError('grpc: reflection is of protocol buffers, not of methodOf')
  const routes: Route[] = []
  const described: GrpcService[] = []
  for (const { contract, methods } of services) {
    const service = methodOf === undefined ? grpcService(contract, lock === undefined ? {} : { lock }) : undefined
    if (service !== undefined) described.push(service)
    for (const [name, served] of methods) {
      const method = service?.methods.get(name) ?? methodOf?.(served.spec)
      if (method === undefined) throw new TypeError(`grpc: ${contract.name}/${name} has no gRPC method`)
      routes.push(routeOf(served, method, settings))
    }
  }
  const names = services.map(({ contract }) => contract.name)
  const health = settings.health ? healthOf(names, runtime) : undefined
  const descriptors = reflection
    ? new Descriptors(described.flatMap(({ fileDescriptors }) => fileDescriptors))
    : undefined
  const own = [...(health?.routes ?? []), ...(descriptors === undefined ? [] : reflectionRoutes(names, descriptors))]
  // A service that brings its own health has it.
  return { byPath: new Map([...own, ...routes].map(route => [route.path, route])), health }
}

function routeOf({ spec, endpoint }: ServedMethod, method: GrpcMethod, { maxDeadlineMs }: Settings): Route {
  const { info, request, response } = spec
  return {
    path: method.path,
    service: info.service,
    spec,
    endpoint,
    requestStreamed: request.streamed,
    responseStreamed: response.streamed,
    request: method.request,
    response: method.response,
    failures: method.failures,
    deadlineMs: deadlineMsOf(info),
    maxDeadlineMs: info.kind === 'unary' ? maxDeadlineMs : Math.max(maxDeadlineMs, 3_600_000),
  }
}
