// Koa with the router and the body parser that most use.
import { createServer } from 'node:http'
import Router from '@koa/router'
import Koa from 'koa'
import bodyParser from 'koa-bodyparser'
import { listen } from '../../http/serving.mjs'
import { maxBodyBytes, schemas, uppercase, user } from '../../http/work.mjs'

const app = new Koa()
app.silent = true
const router = new Router()

const validated = (schema, read) => async (context, next) => {
  const checked = schema.safeParse(read(context))
  if (!checked.success) context.throw(400, checked.error.issues[0].message)
  context.state.input = checked.data
  await next()
}

router.post(
  '/uppercase',
  bodyParser({ enableTypes: ['json'], jsonLimit: maxBodyBytes }),
  validated(schemas.uppercase.request, context => context.request.body),
  async context => {
    context.body = await uppercase(context.state.input)
  },
)
router.get(
  '/users/:id',
  validated(schemas.user.request, context => context.params),
  async context => {
    context.body = await user(context.state.input)
  },
)
app.use(router.routes())

listen(createServer({ keepAliveTimeout: 65_000 }, app.callback()))
