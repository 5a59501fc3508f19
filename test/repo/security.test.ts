/** The numbers that docs/security.md promises are those of the code. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const root = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

/** Where the code says what a row of the page says: the file, and what stands before the number. */
const places: Readonly<Record<string, readonly [file: string, before: string]>> = {
  '`maxBodyBytes` of HTTP servers': ['src/transport/http/server-options.ts', 'options.maxBodyBytes ?? '],
  '`maxHeaders`': ['src/transport/http/server-options.ts', 'options.maxHeaders ?? '],
  '`headersTimeoutMs`': ['src/transport/http/server-options.ts', 'options.headersTimeoutMs ?? '],
  '`requestTimeoutMs`': ['src/transport/http/server-options.ts', 'options.requestTimeoutMs ?? '],
  '`keepAliveTimeoutMs`': ['src/transport/http/server-options.ts', 'options.keepAliveTimeoutMs ?? '],
  '`maxConnections`': ['src/transport/http/server-options.ts', 'options.maxConnections ?? '],
  '`maxDeadlineMs`': ['src/transport/http/server-options.ts', 'options.maxDeadlineMs ?? '],
  'deadline of a call that names none': ['src/core/method.ts', 'const defaultDeadlineMs = '],
  'longest path': ['src/transport/http/request-path.ts', 'const maxPathLength = '],
  'fields of a query or form': ['src/transport/http/fields-of-text.ts', 'const maxFields = '],
  'depth of JSON': ['src/transport/json-depth.ts', 'const maxJsonDepth = '],
  'keys of one JSON object': ['src/transport/json.ts', 'const maxKeys = '],
  'cookies that are read': ['src/core/cookies.ts', 'const maxCookies = '],
  'entries of metadata sent': ['src/core/metadata.ts', 'const maxMetadataEntries = '],
  'characters of metadata sent': ['src/core/metadata.ts', 'const maxMetadataLength = '],
  '`handshakeTimeoutMs` of TLS': ['src/transport/tls-options.ts', 'options.handshakeTimeoutMs ?? '],
  '`maxResponseBytes` of HTTP clients': ['src/transport/http/client.ts', 'options.maxResponseBytes ?? '],
  '`connectTimeoutMs` of HTTP clients': ['src/transport/http/client.ts', 'options.connectTimeoutMs ?? '],
  '`maxRedirects` of HTTP clients': ['src/transport/http/client.ts', 'options.maxRedirects ?? '],
  '`maxMessageBytes` of gRPC servers': ['src/transport/grpc/server-options.ts', 'options.maxMessageBytes ?? '],
  '`maxConnections` of gRPC servers': ['src/transport/grpc/server-options.ts', 'options.maxConnections ?? '],
  '`maxCallsPerConnection`': ['src/transport/grpc/server-options.ts', 'options.maxCallsPerConnection ?? '],
  '`keepaliveMs` of gRPC servers': ['src/transport/grpc/server-options.ts', 'options.keepaliveMs ?? '],
  '`idleTimeoutMs` of gRPC servers': ['src/transport/grpc/server-options.ts', 'options.idleTimeoutMs ?? '],
  '`maxDeadlineMs` of gRPC servers': ['src/transport/grpc/server-options.ts', 'options.maxDeadlineMs ?? '],
  '`maxMessageBytes` of gRPC clients': ['src/transport/grpc/remote.ts', 'options.maxMessageBytes ?? '],
  '`maxCalls` of gRPC clients': ['src/transport/grpc/remote.ts', 'options.maxCalls ?? '],
  '`maxBodyBytes` of NATS servers': ['src/transport/nats/server-options.ts', 'options.maxBodyBytes ?? '],
  '`maxHeaders` of NATS servers': ['src/transport/nats/server-options.ts', 'options.maxHeaders ?? '],
  '`maxCalls` of NATS servers': ['src/transport/nats/server-options.ts', 'options.maxCalls ?? '],
  '`maxDeadlineMs` of NATS servers': ['src/transport/nats/server-options.ts', 'options.maxDeadlineMs ?? '],
  '`heartbeatMs` of NATS servers': ['src/transport/nats/server-options.ts', 'options.heartbeatMs ?? '],
  '`windowBytes` of NATS servers': ['src/transport/nats/limit.ts', 'windowBytes: number = '],
  'largest window of a stream over NATS': ['src/transport/nats/limit.ts', 'const maxWindowBytes: number = '],
  'items of one stream that the broker has not taken': ['src/transport/nats/outgoing-items.ts', 'const maxUntaken = '],
  '`maxCalls` of NATS clients': ['src/transport/nats/remote.ts', 'options.maxCalls ?? '],
  '`maxSeries` of metrics': ['src/metrics/metric-registry.ts', 'maxSeries = '],
  '`maxLineLength` of logs': ['src/log/logger.ts', 'maxLineLength = '],
  '`maxAttributes` of spans': ['src/tracing/limits.ts', 'maxAttributes = '],
  '`maxValueLength` of spans': ['src/tracing/limits.ts', 'maxValueLength = '],
  '`maxEntries` of the memory store': ['src/store/memory-store.ts', 'const { maxEntries = '],
  'longest credential': ['src/auth/credential.ts', 'const maxCredentialLength = '],
  '`maxLength` of JWTs': ['src/auth/jwt/jwt.ts', 'maxLength = '],
  'header of a JWT': ['src/auth/jwt/token.ts', 'const maxHeaderLength = '],
  'depth of a JWT’s JSON': ['src/auth/strict-json.ts', 'const maxDepth = '],
  '`clockToleranceMs` at most': ['src/auth/jwt/jwt-options.ts', "inRange('clockToleranceMs', clockToleranceMs, 0, "],
  '`timeoutMs` of JWKS': ['src/auth/jwt/jwks.ts', 'timeoutMs = '],
  '`maxBytes` of JWKS': ['src/auth/jwt/jwks.ts', 'maxBytes = '],
  'keys of a JWKS': ['src/auth/jwt/jwk-set.ts', 'const maxKeys = '],
  '`cooldownMs` of JWKS': ['src/auth/jwt/jwks.ts', 'cooldownMs = '],
  '`maxStaleMs` of JWKS': ['src/auth/jwt/jwks.ts', 'maxStaleMs = '],
  '`timeoutMs` of authorization servers': ['src/auth/oauth2/oauth-endpoint.ts', 'timeoutMs: numberOption({ fallback: '],
  '`maxBytes` of authorization servers': ['src/auth/oauth2/oauth-endpoint.ts', 'maxBytes: numberOption({ fallback: '],
  '`maxAgeMs` of introspection': ['src/auth/oauth2/introspection-options.ts', 'maxAgeMs: numberOption({ fallback: '],
  '`maxAsking` of introspection': ['src/auth/oauth2/introspection-options.ts', 'maxAsking: numberOption({ fallback: '],
  '`pendingMs` of logins': ['src/auth/oauth2/login-options.ts', 'pendingMs: numberOption({ fallback: '],
  'logins on their way in a browser': ['src/auth/oauth2/begun-logins.ts', 'const maxBegun = '],
  'bytes of a login’s word': ['src/auth/oauth2/begun-logins.ts', 'word: randomBytes('],
  'cost of scrypt': ['src/auth/password.ts', 'const cost = { N: '],
  'longest password': ['src/auth/password.ts', 'const maxPasswordLength = '],
  '`idleMs` of sessions': ['src/auth/session/session.ts', 'idleMs = '],
  '`maxAgeMs` of sessions': ['src/auth/session/session.ts', 'maxAgeMs = '],
  'bytes of a session’s word': ['src/auth/session/session.ts', 'const word = randomBytes('],
}

const units: Readonly<Record<string, number>> = {
  MiB: 2 ** 20,
  KiB: 2 ** 10,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  characters: 1,
  '': 1,
}

/** `1 MiB`, `10,000`, `2^17`: as the page says it. */
function saidIn(text: string): number {
  const [, digits = '', power, unit = ''] = /^([\d,]+)(?:\^(\d+))?(?: (\w+))?$/.exec(text) ?? []
  const factor = units[unit]
  if (digits === '' || factor === undefined) throw new Error(`the page says ${text}`)
  const number = Number(digits.replaceAll(',', ''))
  return (power === undefined ? number : number ** Number(power)) * factor
}

/** `1 << 20`, `10_000`, `2 ** 17`: as the code says it. */
function writtenAt(file: string, before: string): number {
  const text = read(file)
  const at = text.indexOf(before)
  if (at < 0) throw new Error(`${file} has no '${before}' any more`)
  const [, digits = '', operator, other = ''] =
    /^([\d_]+)(?: (<<|\*\*) (\d+))?/.exec(text.slice(at + before.length)) ?? []
  const number = Number(digits.replaceAll('_', ''))
  if (digits === '') throw new Error(`${file} has no number behind '${before}'`)
  if (operator === '<<') return number << Number(other)
  return operator === '**' ? number ** Number(other) : number
}

const rows = read('docs/security.md')
  .split('\n')
  .map(line => line.split('|').map(cell => cell.trim()))
  .filter(cells => cells.length === 5 && cells[1] !== 'setting' && !cells[1]?.startsWith('---'))
  .map(([, setting = '', value = '']) => [setting.replaceAll("'", '’'), value] as const)

describe('docs/security.md', () => {
  test.each(rows)('says of %s what the code says: %s', (setting, value) => {
    const [file, before] = places[setting] ?? ['', '']
    expect(file, `where the code says ${setting}`).not.toBe('')
    expect(writtenAt(file, before)).toBe(saidIn(value))
  })

  test('has a row for everything that is looked up', () =>
    expect(rows.map(([setting]) => setting).sort()).toEqual(Object.keys(places).sort()))
})
