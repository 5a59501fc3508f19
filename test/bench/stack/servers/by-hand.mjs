// What the whole stack costs where nobody could take it apart again: one function on node:http that does all of it, as somebody writes it who
// counts each allocation. Nothing to copy: no layer can be tested, reordered or taken away, and one of its mistakes is in every service.
import { writeSync } from 'node:fs'
import { createServer } from 'node:http'
import jsonwebtoken from 'jsonwebtoken'
import { isBare, isCached, listening, openLog, spansUrl } from '../serving.mjs'
import * as work from '../work.mjs'

const server = createServer({ keepAliveTimeout: 65_000, noDelay: true }, (request, response) => {
  if (request.method === 'POST' && request.url === '/orders') (isBare ? unobserved : observed)(request, response)
  else if (request.url === '/metrics') reply(response, 200, 'text/plain', page())
  else fail(response, 404, 'there is nothing here')
})

function unobserved(request, response) {
  withOrder(request, response, order => answer(response, () => work.place(order, 'somebody'), doNothing))
}

/** Traced, logged, counted; authenticated, limited, authorized, and behind the breaker. */
function observed(request, response) {
  const call = begun(request)
  const refuse = (status, detail) => {
    fail(response, status, detail)
    ended(call, status)
  }
  const user = userOf(request.headers.authorization)
  if (user === undefined) return refuse(401, 'who are you')
  if (!takes(user.id)) return refuse(429, 'too many')
  if (!user.scopes.includes(work.scope)) return refuse(403, 'you may not')
  if (isOpen()) return refuse(503, 'broken')
  withOrder(
    request,
    response,
    order =>
      answer(
        response,
        () => work.place(order, user.id),
        status => ended(call, status),
      ),
    status => ended(call, status),
  )
}

function withOrder(request, response, done, onRefused = doNothing) {
  const pieces = []
  let length = 0
  request.on('data', piece => {
    length += piece.length
    if (length <= work.maxBodyBytes) pieces.push(piece)
    else if (!response.headersSent) refuse(413, 'the body is too long')
  })
  const refuse = (status, detail) => {
    fail(response, status, detail)
    onRefused(status)
  }
  request.on('end', () => {
    if (length > work.maxBodyBytes) return
    let body
    try {
      body = JSON.parse((pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)).toString())
    } catch {
      refuse(400, 'the body is not JSON')
      return
    }
    const checked = work.schemas.request.safeParse(body)
    if (checked.success) done(checked.data)
    else refuse(400, checked.error.issues[0].message)
  })
}

function answer(response, business, onEnded) {
  const timer = setTimeout(() => end(504, 'it took too long'), work.timeoutMs)
  const end = (status, detail) => {
    clearTimeout(timer)
    if (response.headersSent) return
    fail(response, status, detail)
    onEnded(status)
  }
  business().then(
    result => {
      clearTimeout(timer)
      if (response.headersSent) return
      reply(response, 201, 'application/json', JSON.stringify(result))
      onEnded(201)
    },
    () => end(500, 'internal error'),
  )
}

function fail(response, status, detail) {
  reply(response, status, 'application/problem+json', JSON.stringify({ status, detail }))
}

function reply(response, status, type, text) {
  response.writeHead(status, ['content-type', type, 'content-length', Buffer.byteLength(text)])
  response.end(text)
}

function doNothing() {}

const users = new Map()

/** Known by the whole token, which stays in memory for it: a heap dump would show it, as one of Tenon's would not. */
function userOf(authorization) {
  if (authorization?.startsWith('Bearer ') !== true) return undefined
  const token = authorization.slice(7)
  const known = users.get(token)
  if (known !== undefined && known.until > Date.now()) return known
  try {
    const { sub, scope, exp } = jsonwebtoken.verify(token, work.secret, {
      algorithms: ['HS256'],
      issuer: work.issuer,
      audience: work.audience,
      clockTolerance: work.clockToleranceMs / 1_000,
    })
    const user = { id: sub, scopes: scope.split(' '), until: exp * 1_000 }
    if (isCached) {
      if (users.size >= work.maxTokens) users.delete(users.keys().next().value)
      users.set(token, user)
    }
    return user
  } catch {
    return undefined
  }
}

const perCall = work.limit.windowMs / work.limit.limit
const nextAt = new Map()

/** GCRA: when the next call of a customer would be due, had all come evenly. */
function takes(id) {
  const now = performance.now()
  const due = Math.max(nextAt.get(id) ?? 0, now) + perCall
  if (due - now > work.limit.windowMs) return false
  if (nextAt.size >= work.limit.maxKeys && !nextAt.has(id)) nextAt.delete(nextAt.keys().next().value)
  nextAt.set(id, due)
  return true
}

/** A breaker of half of the calls in 10 s, in which one second is ten. */
const outcomes = { good: 0, bad: 0, since: 0, openUntil: 0 }

function isOpen() {
  return outcomes.openUntil > performance.now()
}

function counted(isGood, now) {
  if (now - outcomes.since > 10_000) Object.assign(outcomes, { good: 0, bad: 0, since: now })
  if (isGood) outcomes.good++
  else if (++outcomes.bad + outcomes.good >= 20 && outcomes.bad >= outcomes.good) outcomes.openUntil = now + 5_000
}

function hex(digits) {
  return Math.floor(Math.random() * 16 ** digits)
    .toString(16)
    .padStart(digits, '0')
}

let inFlight = 0

function begun({ headers, socket }) {
  inFlight++
  const traceId = headers['x-b3-traceid'] ?? hex(8) + hex(8) + hex(8) + hex(8)
  return { startedAt: performance.now(), traceId, isTraced: Math.random() < work.traced, caller: socket.remoteAddress }
}

function ended({ startedAt, traceId, isTraced, caller }, status) {
  const now = performance.now()
  const tookMs = now - startedAt
  const code = status < 400 ? 'ok' : String(status)
  inFlight--
  counted(status < 500, now)
  observe(code, tookMs / 1_000)
  const time = new Date().toISOString()
  const took = Math.round(tookMs * 1_000) / 1_000
  write(
    `{"level":"info","time":"${time}","msg":"call","method":"shop.v1.Orders/place","code":"${code}","tookMs":${took},"attempt":1,"traceId":"${traceId}","side":"server","transport":"http","caller":"${caller}"}\n`,
  )
  if (isTraced)
    traced({ traceId, id: hex(8) + hex(8), kind: 'SERVER', name: 'place', duration: Math.ceil(tookMs * 1_000) })
}

const fd = isBare ? undefined : openLog()
let lines = ''

function write(line) {
  lines += line
  if (lines.length >= work.batchLength) flush()
}

function flush() {
  if (lines !== '') writeSync(fd, lines)
  lines = ''
}

const series = new Map()

function observe(code, seconds) {
  let one = series.get(code)
  if (one === undefined) {
    one = { counts: new Float64Array(work.buckets.length + 1), sum: 0 }
    series.set(code, one)
  }
  let i = 0
  while (i < work.buckets.length && seconds > work.buckets[i]) i++
  one.counts[i]++
  one.sum += seconds
}

function page() {
  const text = [`calls_in_flight ${inFlight}`]
  for (const [code, { counts, sum }] of series) {
    let count = 0
    counts.forEach((n, i) => {
      count += n
      text.push(`call_duration_seconds_bucket{code="${code}",le="${work.buckets[i] ?? '+Inf'}"} ${count}`)
    })
    text.push(
      `call_duration_seconds_sum{code="${code}"} ${sum}`,
      `call_duration_seconds_count{code="${code}"} ${count}`,
    )
  }
  return `${text.join('\n')}\n`
}

let spans = []

function traced(span) {
  spans.push({ ...span, timestamp: Date.now() * 1_000, localEndpoint: { serviceName: 'shop' } })
}

async function report() {
  const sent = spans
  spans = []
  if (sent.length > 0)
    await fetch(spansUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(sent),
    })
}

if (!isBare) setInterval(() => report().catch(doNothing), 1_000).unref()

server.listen(0, '127.0.0.1', () => listening(server.address().port, { flush }))
