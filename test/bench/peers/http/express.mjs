// Express 5 as its users write it: a JSON body parser, the schema by hand, no header that gives it away, no ETag of each response.

import { createServer } from 'node:http'
import express from 'express'
import { listen } from '../../http/serving.mjs'
import { maxBodyBytes, schemas, uppercase, user } from '../../http/work.mjs'

const app = express()
app.disable('x-powered-by')
app.disable('etag')

const validated = (schema, read) => (request, response, next) => {
  const checked = schema.safeParse(read(request))
  if (checked.success) {
    response.locals.input = checked.data
    next()
  } else response.status(400).json({ detail: checked.error.issues[0].message })
}

app.post(
  '/uppercase',
  express.json({ limit: maxBodyBytes }),
  validated(schemas.uppercase.request, request => request.body),
  async (_, response) => {
    response.json(await uppercase(response.locals.input))
  },
)
app.get(
  '/users/:id',
  validated(schemas.user.request, request => request.params),
  async (_, response) => {
    response.json(await user(response.locals.input))
  },
)
app.use((error, _request, response, _next) => {
  response.status(error.status ?? 500).json({ detail: 'refused' })
})

listen(createServer({ keepAliveTimeout: 65_000 }, app))
