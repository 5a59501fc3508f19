// Express 5, bare or with the usual middleware: jsonwebtoken with a KeyObject, express-rate-limit, zipkin's own; pino, prom-client, cockatiel.
import { createServer } from 'node:http'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import jsonwebtoken from 'jsonwebtoken'
import { isBare, isCached, listening } from '../../stack/serving.mjs'
import * as work from '../../stack/work.mjs'

const app = express()
app.disable('x-powered-by')
app.disable('etag')

const body = express.json({ limit: work.maxBodyBytes })
const validated = (request, response, next) => {
  const checked = work.schemas.request.safeParse(request.body)
  if (checked.success) {
    response.locals.order = checked.data
    next()
  } else response.status(400).json({ detail: checked.error.issues[0].message })
}

let options = {}
if (isBare) {
  app.post('/orders', body, validated, async (_, response) => {
    response.status(201).json(await work.place(response.locals.order, 'somebody'))
  })
} else {
  const { begun, flush, guarded, log, page, tracer } = await import('./instruments.mjs')
  const { expressMiddleware } = (await import('zipkin-instrumentation-express')).default
  options = { flush }
  const observed = (request, response, next) => {
    const ended = begun(request.ip)
    response.once('finish', () => ended(log, response.statusCode, request._trace_id.traceId))
    next()
  }
  const limited = rateLimit({
    limit: work.limit.limit,
    windowMs: work.limit.windowMs,
    keyGenerator: (_, { locals }) => locals.user.sub,
    standardHeaders: false,
    legacyHeaders: false,
  })
  const authorize = (_, response, next) => {
    if (response.locals.user.scope.split(' ').includes(work.scope)) next()
    else refuse(response, 403)
  }
  const traced = expressMiddleware({ tracer, serviceName: 'shop' })
  app.post('/orders', traced, observed, authenticate(), limited, authorize, body, validated, async (_, response) => {
    const { order, user } = response.locals
    response.status(201).json(await guarded.execute(() => work.place(order, user.sub)))
  })
  app.get('/metrics', async (_, response) => response.type('text').send(await page()))
}

function refuse(response, status) {
  response.status(status).json({ detail: 'refused' })
}

/** jsonwebtoken remembers nothing: what it verified is kept in a map, until it ends. */
function authenticate() {
  const remembered = new Map()
  const verified = token => {
    const known = remembered.get(token)
    if (known !== undefined && known.exp * 1_000 > Date.now()) return known
    const claims = jsonwebtoken.verify(token, work.secret, {
      algorithms: ['HS256'],
      issuer: work.issuer,
      audience: work.audience,
      clockTolerance: work.clockToleranceMs / 1_000,
    })
    if (isCached) {
      if (remembered.size >= work.maxTokens) remembered.delete(remembered.keys().next().value)
      remembered.set(token, claims)
    }
    return claims
  }
  return (request, response, next) => {
    try {
      response.locals.user = verified(/^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1])
    } catch {
      refuse(response, 401)
      return
    }
    next()
  }
}

app.use((error, _request, response, _next) => refuse(response, error.status ?? 500))

const server = createServer({ keepAliveTimeout: 65_000 }, app)
server.listen(0, '127.0.0.1', () => listening(server.address().port, options))
