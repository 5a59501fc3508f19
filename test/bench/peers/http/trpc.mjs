// tRPC on its standalone server. Its routes are its own: `POST /uppercase`, and `GET /user` with the input in the query.
import { initTRPC } from '@trpc/server'
import { createHTTPServer } from '@trpc/server/adapters/standalone'
import { listen } from '../../http/serving.mjs'
import { maxBodyBytes, schemas, uppercase, user } from '../../http/work.mjs'

const t = initTRPC.create()
const router = t.router({
  uppercase: t.procedure
    .input(schemas.uppercase.request)
    .output(schemas.uppercase.response)
    .mutation(({ input }) => uppercase(input)),
  user: t.procedure
    .input(schemas.user.request)
    .output(schemas.user.response)
    .query(({ input }) => user(input)),
})

listen(createHTTPServer({ router, maxBodySize: maxBodyBytes, allowBatching: false }), 'trpc')
