/** Secrets stay out of the log, by the names of their fields. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Format, logger, memoryLogger } from '../../src/log/index.js'
import { deep } from '../deep.js'

describe('a field named', () => {
  const hidden = [
    'authorization',
    'Proxy-Authorization',
    'cookie',
    'Set-Cookie',
    'password',
    'dbPassword',
    'password_confirmation',
    'passwd',
    'token',
    'accessToken',
    'refresh_token',
    'x-auth-token',
    'secret',
    'client_secret',
    'AWS_SECRET_ACCESS_KEY',
    'api-key',
    'X-API-Key',
    'apikey',
    'privateKey',
    'credentials',
    'Idempotency-Key',
    'jwt',
    'otp',
    'session.id',
    'auth',
    'tokens',
    'pass\u200bword',
  ]
  test.each(hidden)('%j is hidden', name => {
    const log = memoryLogger()
    log.info('x', { [name]: 'abc', deep: [{ [name]: { any: 'abc' } }], map: new Map([[name, 'abc']]) })
    expect(log.entries[0]?.fields).toEqual({
      [name]: '[redacted]',
      deep: [{ [name]: '[redacted]' }],
      map: { [name]: '[redacted]' },
    })
  })

  test.each(['key', 'author', 'tokenCount', 'passed', 'sku', 'side', 'method'])('%j is shown', name => {
    const log = memoryLogger()
    log.info('x', { [name]: 'abc' })
    expect(log.entries[0]?.fields).toEqual({ [name]: 'abc' })
  })

  test('as the program says is hidden or shown too', () => {
    const log = memoryLogger({ redact: ['card number'], reveal: ['nextPageToken'] })
    log.info('x', { customerCardNumber: 1, next_page_token: 'p2', token: 't' })
    expect(log.entries[0]?.fields).toEqual({
      customerCardNumber: '[redacted]',
      next_page_token: 'p2',
      token: '[redacted]',
    })
  })

  test.each(['', '-_-'])('%j cannot be asked for', name => {
    expect(() => memoryLogger({ redact: [name] })).toThrow(TypeError)
    expect(() => memoryLogger({ reveal: [name] })).toThrow(/^logger: .* names no field/)
  })
})

test('a hidden value is not even computed, and a missing one is not shown as hidden', () => {
  const log = memoryLogger()
  log.info('x', { token: () => expect.unreachable(), password: undefined })
  expect(log.entries[0]?.fields).toEqual({ token: '[redacted]' })
})

test('a secret never appears, wherever it is and in whatever form', () => {
  const secret = fc.uuid().map(id => `s3cr3t-${id}`)
  const name = fc
    .constantFrom(
      'authorization',
      'cookie',
      'set-cookie',
      'password',
      'access token',
      'client_secret',
      'x-api-key',
      'idempotency-key',
    )
    .chain(base =>
      fc.tuple(fc.constantFrom('-', '_', '.', '', ' '), fc.boolean()).map(([separator, upper]) => {
        const joined = base.replace(/[-_ ]/g, separator)
        return upper ? joined.toUpperCase() : joined
      }),
    )
  const wrappers: readonly ((inner: unknown) => unknown)[] = [
    inner => ({ inner }),
    inner => [1, inner],
    inner => new Map([['inner', inner]]),
    inner => new Set([inner]),
    inner => ({ toJSON: () => inner }),
    inner => new Error('x', { cause: inner }),
    inner => new AggregateError([inner]),
  ]
  fc.assert(
    fc.property(
      secret,
      name,
      fc.array(fc.constantFrom(...wrappers), { maxLength: 5 }),
      fc.constantFrom<(name: string, value: unknown) => unknown>(
        (key, value) => ({ [key]: value }),
        (key, value) => new Map([[key, value]]),
        (key, value) => ({ [key]: { nested: [value] } }),
      ),
      fc.constantFrom<Format>('logfmt', 'json', 'pretty'),
      (value, key, wrapping, hold, format) => {
        const lines: string[] = []
        const log = logger({ format, stacks: true, write: line => lines.push(line) })
        const inner = wrapping.reduce((each, wrap) => wrap(each), hold(key, value))
        log.with({ [key]: value, bound: inner }).info('x', { inner, lazy: () => inner })
        expect(lines.join('')).toContain('[redacted]')
        expect(lines.join('')).not.toContain(value)
      },
    ),
    { numRuns: deep(300, 20_000) },
  )
})
