// A server on node:http as somebody writes it who knows node:http well and wants the same safety: a limit on the body, the same
// schema, a deadline, no work for a caller that is gone. Tuned: no URL parser, no promise around the body, headers as one list, the
// length known, one buffer where the body came in one piece.
import { createServer } from 'node:http'
import { listen } from '../serving.mjs'
import { deadlineMs, maxBodyBytes, schemas, uppercase, user } from '../work.mjs'

const server = createServer({ keepAliveTimeout: 65_000, noDelay: true }, (request, response) => {
  const { method, url } = request
  if (method === 'POST' && url === '/uppercase') {
    if (!isJson(request.headers['content-type'])) fail(response, 415, 'the content type must be application/json')
    else withBody(request, response, body => answer(response, schemas.uppercase.request, body, uppercase))
  } else if (method === 'GET' && url.startsWith('/users/') && !url.includes('/', 7)) {
    answer(response, schemas.user.request, { id: idFrom(url) }, user)
  } else fail(response, 404, 'there is nothing here')
})

function isJson(type) {
  return type === 'application/json' || type?.startsWith('application/json;') === true
}

function idFrom(url) {
  const query = url.indexOf('?', 7)
  const id = query === -1 ? url.slice(7) : url.slice(7, query)
  if (!id.includes('%')) return id
  try {
    return decodeURIComponent(id)
  } catch {
    return undefined // the schema refuses it
  }
}

function withBody(request, response, done) {
  const pieces = []
  let length = 0
  request.on('data', piece => {
    length += piece.length
    if (length <= maxBodyBytes) pieces.push(piece)
    else if (!response.headersSent) fail(response, 413, 'the body is too long', true)
  })
  request.on('end', () => {
    if (length > maxBodyBytes) return
    const bytes = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
    let body
    try {
      body = JSON.parse(bytes.toString())
    } catch {
      fail(response, 400, 'the body is not JSON')
      return
    }
    done(body)
  })
}

function answer(response, schema, message, business) {
  const checked = schema.safeParse(message)
  if (!checked.success) {
    fail(response, 400, checked.error.issues[0].message)
    return
  }
  const timer = setTimeout(fail, deadlineMs, response, 504, 'it took too long')
  business(checked.data).then(
    result => {
      clearTimeout(timer)
      if (!response.headersSent) reply(response, 200, 'application/json', JSON.stringify(result))
    },
    () => {
      clearTimeout(timer)
      if (!response.headersSent) fail(response, 500, 'internal error')
    },
  )
}

function fail(response, status, detail, close = false) {
  if (close) response.setHeader('connection', 'close')
  reply(response, status, 'application/problem+json', JSON.stringify({ status, detail }))
}

function reply(response, status, type, text) {
  response.writeHead(status, ['content-type', type, 'content-length', Buffer.byteLength(text)])
  response.end(text)
}

listen(server)
