/** Secrets in every place that a caller can reach, over HTTP: none of them is in what the process writes, nor in what it answers when it fails. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { gathered, type Sent, untold } from './canaries.js'

const json = (fields: object): Sent => ({ body: JSON.stringify(fields) })
const header = (name: string, value: string): Sent => ({ headers: { [name]: value } })
const get = (path: string): Sent => ({ method: 'GET', path })
/** A secret that nothing tells from other data: no part of Tenon shows it, a program that logs all its input would. */
const anonymous = (sent: Sent): Sent => ({ ...sent, headers: { ...sent.headers, [untold]: '1' } })
const part = (name: string, value: string, more = ''): string =>
  `--b\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`
const multipart = (...parts: readonly string[]): Sent => ({
  path: '/upload',
  headers: { 'content-type': 'multipart/form-data; boundary=b' },
  body: `${parts.join('')}--b--\r\n`,
})
const form = (body: string): Sent => ({
  path: '/form',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body,
})
const jwt = (secret: string): string => `eyJhbGciOiJub25lIn0.${Buffer.from(secret).toString('base64url')}.${secret}`

/** Where the secret is, how it is sent, and what comes back. */
const places: readonly (readonly [place: string, sent: (secret: string) => Sent, status: number])[] = [
  ['a bearer token', s => header('authorization', `Bearer ${s}`), 200],
  ['basic credentials', s => header('authorization', `Basic ${Buffer.from(`ada:${s}`).toString('base64')}`), 200],
  ['credentials of another scheme', s => header('authorization', `Custom key=${s}, more=${s}`), 200],
  ['the credentials for a proxy', s => header('proxy-authorization', `Digest ${s}`), 200],
  ['an API key in a header', s => header('x-api-key', s), 200],
  ['a session cookie', s => header('cookie', `theme=dark; sid=${s}`), 200],
  ['any cookie', s => header('cookie', `a=${s}`), 200],
  ['a cookie to be set', s => header('set-cookie', `a=${s}`), 200],
  ['a token in a header', s => header('x-auth-token', s), 200],
  ['a token against forgery', s => header('x-csrf-token', s), 200],
  ['a signature', s => header('x-hub-signature', s), 200],
  ['an idempotency key', s => header('idempotency-key', s), 200],
  ['a bearer token in another header', s => header('x-forwarded-as', `Bearer ${s}`), 200],
  ['a JWT in another header', s => header('x-user', jwt(s)), 200],
  ['a URL in a header', s => header('referer', `http://localhost/?access_token=${s}`), 200],
  ['the name of a header', s => anonymous(header(`x-${s}`, '1')), 200],
  ['a trace header', s => anonymous(header('traceparent', s)), 200],
  ["a tracer's state", s => anonymous(header('tracestate', `v=${s}`)), 200],
  ['baggage', s => header('baggage', `user=ada,token=${s}`), 200],
  ['the host', s => anonymous(header('host', `${s}.localhost`)), 200],
  ['a trailer', s => ({ trailers: { 'x-token': s } }), 200],
  ['the query', s => get(`/things/1?token=${s}`), 200],
  ['a parameter that there is not', s => get(`/things/1?access_token=${s}`), 200],
  ['a parameter of another type', s => get(`/things/1?n=${s}&password=${s}`), 400],
  ['the name of a parameter', s => get(`/things/1?${s}=1`), 200],
  ['a URL in the query', s => get(`/things/1?q=${encodeURIComponent(`amqp://u:${s}@mq/`)}`), 200],
  ['the path', s => anonymous(get(`/things/${s}`)), 200],
  ['a path that there is not', s => get(`/reset/${s}`), 404],
  ['a path with another method', s => ({ method: 'PUT', path: `/things/${s}` }), 405],
  ['a path that is none', s => get(`/things/%zz${s}`), 400],
  ['a password in the body', s => json({ password: s }), 200],
  ['a field that there is not', s => json({ 'client-secret': s, deep: [{ apiKey: s }] }), 200],
  ['a list of tokens', s => json({ tokens: [s, { a: s }] }), 200],
  ['a connection string', s => json({ user: `postgres://app:${s}@db/x` }), 200],
  ['JSON in a text', s => json({ user: JSON.stringify({ password: s }) }), 200],
  ['a password that does not fit', s => json({ password: `${s} NO` }), 400],
  ['a password of another type', s => json({ password: [s] }), 400],
  ['a body that is no JSON', s => ({ body: `{"password": ${s}` }), 400],
  ['a body of another type', s => ({ body: s, headers: { 'content-type': 'text/plain' } }), 415],
  ['a form', s => form(`name=ada&password=${s}`), 200],
  ['a form that does not fit', s => form(`password=${s}&${s}=1`), 400],
  ['a part of a form', s => multipart(part('name', 'ada'), part('password', s)), 200],
  ['the name of a part', s => multipart(part('name', 'ada'), part('password', 'x'), part(s, 'x')), 200],
  ['the name of a file', s => multipart(part('name', 'ada', `; filename="${s}"`), part('password', 'x')), 400],
  ['a message that repeats it', s => json({ password: s, says: 'message' }), 401],
  [
    'a message that repeats a header',
    s => ({ ...json({ says: 'message' }), ...header('authorization', `Bearer ${s}`) }),
    401,
  ],
  ['causes that repeat it', s => ({ ...json({ says: 'cause' }), ...header('x-api-key', s) }), 500],
  ["a library's message", s => json({ password: s, says: 'library' }), 503],
  ['the text of a defect', s => json({ password: s, says: 'defect' }), 500],
  ['a failure that is thrown', s => json({ password: s, says: 'thrown' }), 400],
  ['a failure in the middle of a stream', s => ({ path: '/watch', ...json({ password: s, says: 'thrown' }) }), 200],
  ['a defect in the middle of a stream', s => ({ path: '/watch', ...json({ password: s, says: 'defect' }) }), 200],
]

describe('a secret that is', () => {
  let process: Awaited<ReturnType<typeof gathered>>
  beforeAll(async () => {
    process = await gathered()
  })
  afterAll(() => process.close())

  test.each(places)('%s appears nowhere', async (place, sent, status) => {
    const secret = `canary-${places.findIndex(([each]) => each === place)}-f00d`
    expect(await process.send(sent(secret))).toBe(status)
    for (const [, text] of await process.written()) expect(text).not.toContain(secret)
  })

  // What a failure of the business says is the contract's: it reaches the caller, but nobody else.
  test("in a domain failure's details appears in the answer alone", async () => {
    const secret = 'canary-domain-f00d'
    expect(await process.send({ ...json({ password: secret, says: 'domain' }) })).toBe(400)
    const found = (await process.written()).filter(([, text]) => text.includes(secret))
    expect(found.map(([name]) => name)).toEqual(['problem'])
  })

  test('none of them is missing from what was looked through', async () => {
    const written = await process.written()
    for (const name of ['logfmt', 'json', 'pretty', 'pino', 'stderr', 'spans', 'metrics', 'problem', 'stream']) {
      const text = written
        .filter(([each]) => each === name)
        .map(([, each]) => each)
        .join('\n')
      expect(text, name).not.toBe('')
    }
    const logged = written.filter(([name, text]) => name === 'json' && text.includes('"message":"call"'))
    expect(logged.length).toBeGreaterThan(40)
    expect(places.length).toBeGreaterThanOrEqual(40)
  })
})
