/** What of a text is hidden, that the rest stays, and that no text takes long. */
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { isSecretName, redactedText, redaction, reportDefect } from '../../src/core/index.js'
import { deep } from '../deep.js'

const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl'

describe('of a text is hidden', () => {
  const cases: readonly (readonly [what: string, text: string, shown: string])[] = [
    ['a bearer token', 'got Bearer abc.def-1 of ada', 'got Bearer [redacted] of ada'],
    ['basic credentials', 'Basic dXNlcjpwYXNz', 'Basic [redacted]'],
    ['a JWT', `token ${jwt}!`, 'token [redacted]!'],
    ['user and password of a URL', 'to postgres://app:s3cret@db:5432/shop', 'to postgres://[redacted]@db:5432/shop'],
    ['a password with a slash', 'redis://:p/w@cache', 'redis://[redacted]@cache'],
    ['a user alone', 'https://ghuser@host/x', 'https://[redacted]@host/x'],
    [
      'what the query says',
      'GET /a?sku=tea&api_key=k1&X-Amz-Signature=ab%20c&n=1',
      'GET /a?sku=tea&api_key=[redacted]&X-Amz-Signature=[redacted]&n=1',
    ],
    ['a form', 'user[password]=a+b&x=1', 'user[password]=[redacted]&x=1'],
    ['JSON', '{"user":"ada","password":"a \\"b\\" c","n":1}', '{"user":"ada","password":"[redacted]","n":1}'],
    [
      'JSON in JSON',
      String.raw`{"body":"{\"token\":\"abc\",\"n\":1}"}`,
      String.raw`{"body":"{\"token\":\"[redacted]\",\"n\":1}"}`,
    ],
    ['lists and objects', 'tokens: ["a", {"b": 1}], n: 1', 'tokens: [redacted], n: 1'],
    ['an object that does not end', 'credentials={ a: "b", ', 'credentials=[redacted]'],
    ['code', "{ password: 'abc', secret: `d`, n: 1 }", "{ password: '[redacted]', secret: `[redacted]`, n: 1 }"],
    ['a connection string', 'Server=db;Password=abc;Pooling=true', 'Server=db;Password=[redacted];Pooling=true'],
    ['a header', 'authorization: Custom abc def', 'authorization: [redacted]'],
    ['headers, line by line', 'Cookie: a=b; c=d\nhost: x', 'Cookie: [redacted]\nhost: x'],
    ['a header with quotes', 'cookie: a=1; sid="abc"; b=2\nhost: x', 'cookie: [redacted]\nhost: x'],
    [
      'a header in quotes',
      `-H 'Authorization: Digest user="ada", response="ab"' -X`,
      `-H 'Authorization: [redacted]' -X`,
    ],
    [
      'an option of a program',
      'migrate --password=abc -Ddb.password=d --dry',
      'migrate --password=[redacted] -Ddb.password=[redacted] --dry',
    ],
    [
      'an element of XML',
      '<u>ada</u><ns:Password Type="#Text">abc</ns:Password><pin><token><![CDATA[d]]></token>',
      '<u>ada</u><ns:Password Type="#Text">[redacted]</ns:Password><pin><token>[redacted]</token>',
    ],
    ['a list of tokens', '{"accessTokens":["abc"],"maxTokens":3}', '{"accessTokens":[redacted],"maxTokens":3}'],
    ['the key of a gateway', 'Ocp-Apim-Subscription-Key: abc', 'Ocp-Apim-Subscription-Key: [redacted]'],
    ['a database error', 'Key (password)=(abc) exists', 'Key (password)=([redacted]) exists'],
    ['in prose, in quotes', "wrong password 'abc def'", "wrong password '[redacted]'"],
    ['in prose, with a digit', 'unknown API key k-1234567, try again', 'unknown API key [redacted], try again'],
    ['an AWS key', 'AKIAIOSFODNN7EXAMPLE', '[redacted]'],
    ['a GitHub token', `ghp_${'a1'.repeat(18)}`, '[redacted]'],
    ['a Stripe key', ['sk', 'live', 'abcdefgh12'].join('_'), '[redacted]'],
    ['a private key', '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nx', '[redacted]\nx'],
    ['a private key that was cut', 'x -----BEGIN PRIVATE KEY-----\nMIIE', 'x [redacted]'],
  ]
  test.each(cases)('%s', (_, text, shown) => {
    expect(redactedText(text)).toBe(shown)
    expect(redactedText(shown)).toBe(shown)
  })
})

test.each([
  'there is no user 17',
  'Basic authentication is needed',
  'the bearer token is missing',
  'password must have 8 characters',
  'Invalid email address',
  'lines[0].sku: Invalid input: expected string, received undefined',
  'connect ECONNREFUSED 127.0.0.1:8080',
  'http://localhost:8080/orders?page=2&to=ada@example.org',
  'at login (/app/src/password.ts:12:3)',
  'a --dry-run of <b>items</b> - <none>',
  'see https://example.org/a/b#c: it says why',
  'ada@example.org wrote: hello=world',
  'tokens: 17'.replace('tokens', 'items'),
])('%j is shown as it is', text => {
  expect(redactedText(text)).toBe(text)
})

test('further names are hidden, and others shown, in texts too', () => {
  const { text, isSecret } = redaction({ redact: ['iban'], reveal: ['nextPageToken'] })
  expect(text('iban=DE00 nextPageToken=p2 token=t')).toBe('iban=[redacted] nextPageToken=p2 token=[redacted]')
  expect([isSecret('customer_IBAN'), isSecret('next-page-token'), isSecretName('iban')]).toEqual([true, false, false])
})

test('of a text that is too long, the rest is cut', () => {
  expect(redactedText('x'.repeat(70_000))).toBe(`${'x'.repeat(65_536)}…`)
})

test('whatever the secret is, and whatever stands around it, it is hidden', () => {
  const secret = fc
    .string({ unit: fc.constantFrom(...'aZ9_.~+/-'), minLength: 3, maxLength: 20 })
    .map(each => `s3cr3t${each}`)
  const around = fc.string({ unit: 'binary', maxLength: 20 })
  const forms: readonly ((secret: string) => string)[] = [
    each => `Bearer ${each}`,
    each => `password=${each}`,
    each => `{"access_token":"${each}"}`,
    each => `https://u:${each}@host/`,
    each => `?x=1&client_secret=${each}&y=2`,
    each => `x-api-key: ${each}`,
    each => `Cookie: sid=${each}; theme=dark`,
  ]
  fc.assert(
    fc.property(secret, around, around, fc.constantFrom(...forms), (value, before, after, form) => {
      expect(redactedText(`${before} ${form(value)} ${after}`)).not.toContain(value)
    }),
    { numRuns: deep(150, 50_000) },
  )
})

describe('the time that a text takes grows as its length does, of', () => {
  const pieces = [
    '://a:b',
    '://',
    'eyJ-',
    'eyJaaaaaaa.',
    'a.',
    'password',
    'password=',
    'token ',
    'basic a',
    '"\\',
    '-----BEGIN PRIVATE KEY',
    "password '",
    'x:y@',
    'token=[',
    'token={a',
    '<a ',
    '<a:a',
    '<token>',
    '--token',
    'a-',
    'cookie="',
    'cookie: a="',
  ]
  test.each(pieces)('%j', piece => {
    const cpuMs = (length: number): number => {
      const text = `token=1 ${piece.repeat(length / piece.length)}`
      redactedText(text)
      const before = process.cpuUsage()
      redactedText(text)
      return process.cpuUsage(before).user / 1_000
    }
    expect(cpuMs(32_000)).toBeLessThan(2 * 4 * cpuMs(8_000) + 20) // four times the text, with slack
  })
})

describe('a defect on stderr', () => {
  const reported = (thrown: unknown): string => {
    const stderr = vi.spyOn(console, 'error').mockImplementation(() => {})
    reportDefect(thrown)
    return String(stderr.mock.calls[0])
  }

  test('has stack, code and causes, but no properties', () => {
    const cause = Object.assign(new Error('refused'), {
      code: 'ECONNREFUSED',
      config: { headers: { a: 'Bearer abc' } },
    })
    const text = reported(new Error('down', { cause }))
    expect(text).toMatch(/^tenon: defect: Error: down\n {4}at /)
    expect(text).toMatch(/\n {4}caused by Error: refused\n[\s\S]*\n {4}code: ECONNREFUSED/)
    expect(text).not.toContain('abc')
  })

  test('shows no secrets, and no line of it passes for another', () => {
    const text = reported(new Error('password=hunter2\ntime=1 level=info message=forged\u001b[2J\u2028\u202e'))
    expect(text).not.toContain('hunter2')
    for (const line of text.split('\n').slice(1)) expect(line).toMatch(/^ {4}/)
    expect(text).toMatch(/^(?:[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|\n)*$/u)
  })

  test.each([undefined, null, 7, 'text', Symbol('s'), { a: 1 }, Object.create(null)])('may be anything: %s', thrown => {
    expect(reported(thrown)).toMatch(/^tenon: defect: ./)
  })
})
