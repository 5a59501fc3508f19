// Fastify with its own schema compilers: requests are validated, responses written by a serializer made from their schema.
import Fastify from 'fastify'
import { listening } from '../../http/serving.mjs'
import { jsonSchemas, maxBodyBytes, uppercase, user } from '../../http/work.mjs'

const app = Fastify({ bodyLimit: maxBodyBytes, keepAliveTimeout: 65_000 })

app.post(
  '/uppercase',
  { schema: { body: jsonSchemas.uppercase.request, response: { 200: jsonSchemas.uppercase.response } } },
  request => uppercase(request.body),
)
app.get(
  '/users/:id',
  { schema: { params: jsonSchemas.user.request, response: { 200: jsonSchemas.user.response } } },
  request => user(request.params),
)

await app.listen({ port: 0, host: '127.0.0.1' })
listening(app.server.address().port)
