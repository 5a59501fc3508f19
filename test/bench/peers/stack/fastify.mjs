// Fastify, bare or with its plugins for the same: @fastify/jwt, @fastify/rate-limit, its own pino; prom-client, cockatiel and zipkin by hooks.
import jwt from '@fastify/jwt'
import rateLimit from '@fastify/rate-limit'
import Fastify from 'fastify'
import { isBare, isCached, listening } from '../../stack/serving.mjs'
import * as work from '../../stack/work.mjs'

const limits = { bodyLimit: work.maxBodyBytes, keepAliveTimeout: 65_000 }
const schema = { body: work.jsonSchemas.request, response: { 201: work.jsonSchemas.response } }

if (isBare) {
  const app = Fastify(limits)
  app.post('/orders', { schema }, (request, reply) => {
    reply.code(201)
    return work.place(request.body, 'somebody')
  })
  await opened(app)
} else {
  const { begun, flush, guarded, log, page, tracer, zipkin } = await import('./instruments.mjs')
  const app = Fastify({ ...limits, loggerInstance: log, disableRequestLogging: true })
  const http = new zipkin.Instrumentation.HttpServer({ tracer, port: 0 })
  await app.register(jwt, {
    secret: work.secret.export(),
    verify: {
      algorithms: ['HS256'],
      allowedIss: work.issuer,
      allowedAud: work.audience,
      clockTolerance: work.clockToleranceMs,
      cache: isCached ? work.maxTokens : false,
      cacheTTL: 3_600_000,
    },
  })
  await app.register(rateLimit, {
    global: false,
    cache: work.limit.maxKeys,
    addHeaders: none(['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset', 'retry-after']),
    addHeadersOnExceeding: none(['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset']),
  })
  app.decorateRequest('ended', null)
  app.decorateRequest('trace', null)
  const { Some, None } = zipkin.option
  const observed = {
    onRequest(request, _reply, done) {
      request.ended = begun(request.ip)
      tracer.scoped(() => {
        const read = name =>
          request.headers[name.toLowerCase()] === undefined ? None : new Some(request.headers[name.toLowerCase()])
        request.trace = http.recordRequest(request.method, request.url, read)
      })
      done()
    },
    onResponse(request, { statusCode }, done) {
      tracer.letId(request.trace, () => {
        tracer.recordRpc(http.spanNameFromRoute(request.method, '/orders', statusCode))
        http.recordResponse(request.trace, statusCode)
      })
      request.ended(request.log, statusCode, request.trace.traceId)
      done()
    },
  }
  const authenticate = request => request.jwtVerify()
  const limited = app.rateLimit({
    max: work.limit.limit,
    timeWindow: work.limit.windowMs,
    keyGenerator: ({ user }) => user.sub,
  })
  const authorize = (request, reply, done) => {
    if (request.user.scope.split(' ').includes(work.scope)) done()
    else reply.code(403).send({ detail: 'this caller may not do that' })
  }
  app.post(
    '/orders',
    { schema, onRequest: [observed.onRequest, authenticate, limited, authorize], onResponse: observed.onResponse },
    async (request, reply) => {
      reply.code(201)
      return await guarded.execute(() => work.place(request.body, request.user.sub))
    },
  )
  app.get('/metrics', { logLevel: 'silent' }, () => page())
  await opened(app, { flush })
}

function none(names) {
  return Object.fromEntries(names.map(name => [name, false]))
}

async function opened(app, options) {
  await app.listen({ port: 0, host: '127.0.0.1' })
  listening(app.server.address().port, options)
}
