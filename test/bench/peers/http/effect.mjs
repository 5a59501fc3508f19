// Effect's router on its platform for Node, with its own schemas.
import { createServer } from 'node:http'
import * as NodeHttpServer from '@effect/platform-node/NodeHttpServer'
import { ByteSize, Effect, Layer, Schema } from 'effect'
import { HttpIncomingMessage, HttpRouter, HttpServerRequest, HttpServerResponse } from 'effect/http'
import { listening } from '../../http/serving.mjs'
import { maxBodyBytes, uppercase, user } from '../../http/work.mjs'

const Uppercase = Schema.Struct({ s: Schema.String.check(Schema.isMaxLength(10_000)) })
const User = Schema.Struct({ id: Schema.String.check(Schema.isMaxLength(40)) })

const limit = ByteSize.bytes(maxBodyBytes)
const bad = Effect.succeed(HttpServerResponse.jsonUnsafe({ detail: 'refused' }, { status: 400 }))
const answered = (input, business) =>
  input.pipe(
    Effect.flatMap(value => Effect.promise(() => business(value))),
    Effect.map(result => HttpServerResponse.jsonUnsafe(result)),
    Effect.catch(() => bad),
    Effect.provideService(HttpIncomingMessage.MaxBodySize, limit),
  )

const routes = HttpRouter.addAll([
  HttpRouter.route('POST', '/uppercase', answered(HttpServerRequest.schemaBodyJson(Uppercase), uppercase)),
  HttpRouter.route('GET', '/users/:id', answered(HttpRouter.schemaPathParams(User), user)),
])
const server = createServer({ keepAliveTimeout: 65_000 })
const layer = HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
  Layer.provide(NodeHttpServer.layer(() => server, { port: 0, host: '127.0.0.1' })),
)
Effect.runFork(Layer.launch(layer))
server.once('listening', () => listening(server.address().port))
