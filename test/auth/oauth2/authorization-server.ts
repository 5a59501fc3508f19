/** An authorization server of a test's own: what it was asked, and whatever the test has it answer. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { listening } from '../../transport/http/listening.js'

export interface Asked {
  readonly form: URLSearchParams
  readonly headers: IncomingHttpHeaders
}

export interface FakeServer {
  readonly url: string
  /** All requests, in their order. */
  readonly asked: Asked[]
  /** Changed by tests. */
  answer: (response: ServerResponse, asked: Asked) => void
}

export async function authorizationServer(answer: FakeServer['answer']): Promise<FakeServer> {
  const { address } = await listening((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
    request.on('end', () => {
      const asked = { form: new URLSearchParams(text), headers: request.headers }
      server.asked.push(asked)
      server.answer(response, asked)
    })
  })
  const server: FakeServer = { url: `${address}/endpoint`, asked: [], answer }
  return server
}

/** Answers with JSON. */
export const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): FakeServer['answer'] =>
  response =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))

/** What an authorization server that is broken does, each in its way. */
export const broken: readonly (readonly [what: string, answer: FakeServer['answer']])[] = [
  ['says 500', response => void response.writeHead(500).end()],
  ['says 401: it does not know us', json({ error: 'invalid_client' }, 401)],
  ['redirects', response => void response.writeHead(307, { location: '/elsewhere' }).end()],
  ['answers with HTML', response => void response.end('<!doctype html><title>Log in</title>')],
  ['answers with nothing', response => void response.end()],
  ['answers with a list', json([{ active: true }])],
  ['answers with a name twice', response => void response.end('{"active":true,"active":true}')],
  ['answers with bytes that are no text', response => void response.end(Buffer.from([0x7b, 0xff, 0x7d]))],
  [
    'answers with more than it may',
    response => void response.end(JSON.stringify({ active: true, access_token: 'a'.repeat(70_000) })),
  ],
  ['closes the connection', response => void response.destroy()],
  [
    'closes it in the middle',
    response => void response.writeHead(200, { 'content-length': 99 }).write('{"active":', () => response.destroy()),
  ],
]
