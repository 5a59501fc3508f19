// oRPC by its OpenAPI handler, which serves routes with paths and verbs. Responses are validated where their schema is declared.
import { createServer } from 'node:http'
import { OpenAPIHandler } from '@orpc/openapi/node'
import { os } from '@orpc/server'
import { BodyLimitPlugin } from '@orpc/server/node'
import { listen } from '../../http/serving.mjs'
import { maxBodyBytes, schemas, uppercase, user } from '../../http/work.mjs'

const router = {
  uppercase: os
    .route({ method: 'POST', path: '/uppercase' })
    .input(schemas.uppercase.request)
    .output(schemas.uppercase.response)
    .handler(({ input }) => uppercase(input)),
  user: os
    .route({ method: 'GET', path: '/users/{id}' })
    .input(schemas.user.request)
    .output(schemas.user.response)
    .handler(({ input }) => user(input)),
}
const handler = new OpenAPIHandler(router, { plugins: [new BodyLimitPlugin({ maxBodySize: maxBodyBytes })] })

listen(
  createServer({ keepAliveTimeout: 65_000 }, async (request, response) => {
    const { matched } = await handler.handle(request, response, { context: {} })
    if (matched) return
    response.statusCode = 404
    response.end()
  }),
)
