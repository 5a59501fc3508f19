// Hono on its server for Node, with the validator of its documentation. Its own `bodyLimit` is left out: it makes a whole `Request` out
// of the cheap one, which costs several times as much as all the rest. What says how long it is is limited just as well.
import { serve } from '@hono/node-server'
import { zValidator } from '@hono/zod-validator'
import { Hono } from 'hono'
import { listening } from '../../http/serving.mjs'
import { maxBodyBytes, schemas, uppercase, user } from '../../http/work.mjs'

const limited = (context, next) => {
  const length = Number(context.req.header('content-length') ?? Number.NaN)
  return length <= maxBodyBytes ? next() : context.json({ detail: 'refused' }, Number.isNaN(length) ? 411 : 413)
}

const app = new Hono()
app.post('/uppercase', limited, zValidator('json', schemas.uppercase.request), async context =>
  context.json(await uppercase(context.req.valid('json'))),
)
app.get('/users/:id', zValidator('param', schemas.user.request), async context =>
  context.json(await user(context.req.valid('param'))),
)

serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', serverOptions: { keepAliveTimeout: 65_000 } }, info =>
  listening(info.port),
)
