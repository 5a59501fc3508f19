/** Lines through pino: at its levels, without secrets, and as hard to forge as our own. */
import fc from 'fast-check'
import { pino } from 'pino'
import { describe, expect, test, vi } from 'vitest'
import { call, failureOf, fromPromise, left } from '../../src/core/index.js'
import type { Fields } from '../../src/log/index.js'
import { fromPino, type PinoOptions } from '../../src/log/pino/index.js'
import { logging } from '../../src/middleware/index.js'
import { deep } from '../deep.js'

function through(options: pino.LoggerOptions = {}, own: PinoOptions = {}) {
  const lines: string[] = []
  const target = pino({ base: null, timestamp: false, ...options }, { write: line => void lines.push(line) })
  return { log: fromPino(target, own), target, lines, last: (): unknown => JSON.parse(lines.at(-1) ?? 'null') }
}

test('a line has the level, the bound fields, those of the call, and the message', () => {
  const { log, last } = through()
  log.with({ service: 'shop' }).warn('late', { byMs: 20n, at: new Date(0), n: () => 7, none: undefined })
  expect(last()).toEqual({ level: 40, service: 'shop', byMs: '20', at: '1970-01-01T00:00:00.000Z', n: 7, msg: 'late' })
})

test('the levels are those that pino has at the time, and what is off is not computed', () => {
  const { log, target, lines } = through({ level: 'warn' })
  const child = log.with({ a: () => expect.unreachable() })
  child.info('x')
  expect([log.level, log.enabled('info'), lines.length]).toEqual(['warn', false, 0])
  target.level = 'debug'
  log.debug('x')
  expect([log.level, child.enabled('debug'), lines.length]).toEqual(['debug', true, 1])
  target.level = 'silent'
  log.error('x')
  expect([log.level, lines.length]).toEqual(['silent', 1])
})

test('secrets are hidden, also those that pino was not told of', () => {
  const { log, lines } = through({}, { redact: ['iban'] })
  log.info('got Bearer abc.def', { password: 'abc', iban: 'abc', url: 'http://u:abc@host', deep: [{ token: 'abc' }] })
  log.error('x', { error: new Error('token=abc', { cause: new Error('Cookie: abc') }) })
  expect(lines.join('')).not.toContain('abc')
})

test("a field does not pass for one of pino's own, nor for one of its bindings", () => {
  const { log, target, last } = through({ base: { pid: 1 }, messageKey: 'text', timestamp: true })
  const fields: Fields = { level: 60, time: 0, msg: 'x', text: 'x', pid: 2, service: 'evil', text_: 1 }
  log.info('mine', fields)
  expect(last()).toMatchObject({
    level: 30,
    text: 'mine',
    pid: 1,
    level_: 60,
    time_: 0,
    text_: 'x',
    pid_: 2,
    text__: 1,
  })
  const child = target.child({ service: 'shop' })
  fromPino(child).info('mine', fields)
  expect(last()).toMatchObject({ service: 'shop', service_: 'evil' })
})

test('whatever is logged is one line that is safe to print', () => {
  const text = fc.string({ unit: 'binary', maxLength: 40 })
  const value = fc.oneof(
    text,
    text.map(message => new Error(message)),
    fc.array(text),
    fc.dictionary(text, text),
    fc.anything(),
  )
  fc.assert(
    fc.property(text, fc.dictionary(text, value, { maxKeys: 6 }), (message, fields) => {
      const { log, lines } = through({}, { stacks: true })
      log.info(message, fields)
      expect(lines).toHaveLength(1)
      expect(lines[0]).toMatch(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+\n$/u)
      expect(JSON.parse(lines[0] ?? '')).toHaveProperty('level', 30)
    }),
    { numRuns: deep(50, 10_000) },
  )
}, 120_000)

test('an error is an object with its code and causes, with a stack if asked for', () => {
  const { log, last } = through({}, { stacks: true })
  log.error('x', { error: Object.assign(new Error('down', { cause: new Error('refused') }), { code: 'E1' }) })
  expect(last()).toMatchObject({
    error: {
      name: 'Error',
      message: 'down',
      code: 'E1',
      stack: expect.stringMatching(/^Error: down\n {4}at /),
      cause: { message: 'refused' },
    },
  })
})

test('the middleware writes through it', async () => {
  const { log, last } = through()
  const place = fromPromise(async () => left(failureOf('internal', 'BROKEN', 'broken')), {
    service: 's',
    name: 'm',
    idempotency: 'safe',
  })
  await call(logging(log)(place), {})
  expect(last()).toMatchObject({
    level: 50,
    msg: 'call',
    method: 's/m',
    code: 'internal',
    reason: 'BROKEN',
    blame: 'service',
  })
})

describe('what goes wrong', () => {
  test('in pino is reported once and disturbs nobody', () => {
    const stderr = vi.spyOn(console, 'error').mockImplementation(() => {})
    const fails = pino(
      { base: null },
      {
        write: () => {
          throw new Error('disk full')
        },
      },
    )
    const log = fromPino(fails)
    log.info('x')
    log.info('y')
    expect(stderr).toHaveBeenCalledOnce()
  })

  test('is refused: what is no pino logger', () => {
    expect(() => Reflect.apply(fromPino, undefined, [console])).toThrow(new TypeError('fromPino: needs a pino logger'))
  })
})
