// In a process of its own: it sends it signals, and counts who listens to them.
/** `serve` as it starts: what it refuses, what it undoes, and what probes are told. */
import { contract, implement, method, type Runtime, type ServerBinding } from 'tenon/contract'
import { around, chain, type LintRule, type Middleware, manualClock } from 'tenon/core'
import { type LifecycleEvent, resource, type ServeOptions, StartError, serve } from 'tenon/lifecycle'
import { breaker, bulkhead } from 'tenon/middleware'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { type Diary, diary, fakeBinding } from './fake-binding.js'

describe('a start that fails', () => {
  const taken = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE', address: '127.0.0.1', port: 8080 })

  test('closes what listens, then the resources, and rejects with the reason', async () => {
    const clock = manualClock()
    const log = diary(clock)
    const bindings = [fakeBinding('nats', log, clock), fakeBinding('http', log, clock, { refuses: taken })]
    const resources = [resource('pool', () => log.note('pool closed'))]
    const error = await serve([], [...bindings, fakeBinding('grpc', log, clock)], {
      ...quiet(log),
      clock,
      resources,
    }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StartError)
    expect(error).toMatchObject({
      binding: 'http',
      message: 'http: 127.0.0.1:8080 is taken by another process',
      cause: taken,
    })
    expect(log.lines).toEqual([
      '0 [listening] nats nats://here',
      '0 [forced] start nats',
      '0 nats closes',
      '0 pool closed',
      '0 [stopped] true 0',
    ])
  })

  test('is reported as such when the binding throws at once', async () => {
    const binding: ServerBinding = {
      name: 'http',
      listen() {
        throw new Error('no certificate')
      },
    }
    await expect(serve([], [binding], { signals: false, onEvent: () => {} })).rejects.toThrow('http: no certificate')
  })

  test('happens at a signal, and what listens later is closed', async () => {
    const clock = manualClock()
    const log = diary(clock)
    const bindings = [fakeBinding('http', log, clock), fakeBinding('nats', log, clock, { listensAfterMs: 4_000 })]
    const failed = serve([], bindings, { ...quiet(log), signals: ['SIGHUP'], drainDelayMs: 5_000, clock })
    const seen = expect(failed).rejects.toThrow('serve: stopped by a signal while starting')
    await clock.advance(1_000)
    process.emit('SIGHUP')
    await clock.advance(9_000)
    await seen
    expect(log.lines).toEqual([
      '0 [listening] http http://here',
      '1000 [draining] 0 SIGHUP', // nobody can know of this process yet
      '1000 http drains',
      '1000 [stopped-accepting] 20000',
      '1000 [drained] http',
      '1000 http closes',
      '1000 [stopped] false 0',
      '4000 nats closes',
    ])
  })
})

describe('readiness', () => {
  test('is false while a binding says that no calls come to it, whatever the others say', async () => {
    const clock = manualClock()
    const log = diary(clock)
    let why: string | undefined
    const lost: ServerBinding = {
      name: 'nats',
      listen: async (services, runtime) => ({
        ...(await fakeBinding('nats', log, clock).listen(services, runtime)),
        unready: () => why,
      }),
    }
    const { health, close } = await serve([], [fakeBinding('http', log, clock), lost], { ...quiet(log), clock })
    expect((await health.ready()).ok).toBe(true)
    why = 'its connection was closed for good'
    expect(await health.ready()).toEqual({ ok: false, checks: { lifecycle: `nats: ${why}` } })
    why = undefined
    expect((await health.ready()).ok).toBe(true)
    await close()
  })

  test('is false while starting and from the signal on; liveness never is', async () => {
    const clock = manualClock()
    const log = diary(clock)
    const said: unknown[] = []
    const probe = async ({ probes }: Runtime) => said.push(await probes.ready(), await probes.live())
    let runtime: Runtime | undefined
    const binding: ServerBinding = {
      name: 'http',
      async listen(services, given) {
        runtime = given
        await probe(given)
        return fakeBinding('http', log, clock).listen(services, given)
      },
    }
    const running = await serve([], [binding], {
      ...quiet(log),
      signals: ['SIGHUP'],
      drainDelayMs: 5_000,
      clock,
      checks: { db() {} },
    })
    if (runtime === undefined) throw new Error('not started')
    await probe(runtime)
    running.health.setReady(false)
    expect(await running.health.ready()).toEqual({ ok: false, checks: { lifecycle: 'held' } })
    running.health.setReady(true)
    expect(await running.health.ready()).toEqual({ ok: true, checks: { db: 'ok' } })
    process.emit('SIGHUP')
    running.health.setReady(true) // no way back
    await probe(runtime)
    await clock.advance(10_000)
    await probe(runtime)
    const alive = { ok: true, checks: {} }
    expect(said).toEqual([
      { ok: false, checks: { lifecycle: 'starting' } },
      alive,
      { ok: true, checks: { db: 'ok' } },
      alive,
      { ok: false, checks: { lifecycle: 'draining' } },
      alive,
      { ok: false, checks: { lifecycle: 'draining' } },
      alive,
    ])
    expect(runtime.clock).toBe(clock)
  })
})

describe('serve refuses', () => {
  const Orders = contract('shop.v1.Orders', {
    get: method({ request: z.object({ id: z.string() }), response: z.object({ id: z.string() }), idempotency: 'safe' }),
    place: method({
      request: z.object({ id: z.string() }),
      response: z.object({ id: z.string() }),
      idempotency: 'unsafe',
    }),
  })
  const half = implement(Orders).handlers({ get: ({ id }) => ({ id }) })
  const whole = half.handlers({ place: ({ id }) => ({ id }) })
  const listen = vi.fn(() => Promise.reject(new Error('it was not refused')))
  const binding: ServerBinding = { name: 'http', listen }

  const mistakes: readonly { readonly why: string; readonly run: () => Promise<unknown>; readonly error: Error }[] = [
    {
      why: 'a service that is not complete, as the compiler does',
      // @ts-expect-error place is missing
      run: () => serve([half], [binding]),
      error: new TypeError('serve: shop.v1.Orders does not implement place'),
    },
    {
      why: 'a service given twice',
      run: () => serve([whole, whole], [binding]),
      error: new TypeError('serve: shop.v1.Orders is given twice'),
    },
    {
      why: 'no binding',
      run: () => serve([whole], []),
      error: new TypeError('serve: there is no binding to serve on'),
    },
    ...(['graceMs', 'drainDelayMs', 'closeTimeoutMs'] as const).map(name => ({
      why: `a negative ${name}`,
      run: () => serve([whole], [binding], { [name]: -1 }),
      error: new RangeError(`serve: ${name} must be 0 or more ms, got -1`),
    })),
    {
      why: 'a signal that cannot be caught',
      // @ts-expect-error no such stop signal
      run: () => serve([whole], [binding], { signals: ['SIGKILL'] }),
      error: new TypeError('serve: SIGKILL cannot stop a process'),
    },
    {
      why: 'a check with the name of its own',
      run: () => serve([whole], [binding], { checks: { lifecycle() {} } }),
      error: new TypeError("health: a check cannot be named 'lifecycle'"),
    },
  ]
  test.each(mistakes)('$why', async ({ run, error }) => {
    await expect(run()).rejects.toThrow(error)
    expect(listen).not.toHaveBeenCalled()
    expect(process.listenerCount('SIGTERM')).toBe(0)
  })
})

function quiet(log: Diary): ServeOptions {
  return { signals: [], exit: false, onEvent: log.event }
}

describe('a stack that is known to go wrong', () => {
  const rule: LintRule = { id: 'too-deep', check: () => ['too many layers'] }
  const deep = around({ name: 'deep', lint: [rule] })
  const empty = method({ request: z.object({}), response: z.object({}), idempotency: 'safe' })
  const Stock = contract('shop.v1.Stock', { get: empty, list: empty })
  const handlers = { get: () => ({}), list: () => ({}) }

  test('is told of before anything listens, once for all methods', async () => {
    const clock = manualClock()
    const log = diary(clock)
    const events: LifecycleEvent[] = []
    const running = await serve([implement(Stock).use(deep).handlers(handlers)], [fakeBinding('http', log, clock)], {
      signals: false,
      clock,
      onEvent: event => events.push(event),
    })
    expect(events.slice(0, 2)).toMatchObject([
      {
        type: 'finding',
        rule: 'too-deep',
        message: 'too many layers',
        methods: ['shop.v1.Stock/get', 'shop.v1.Stock/list'],
      },
      { type: 'listening' },
    ])
    expect(events.filter(({ type }) => type === 'finding')).toHaveLength(1)
    await running.close()
  })

  test('is a warning on stderr unless somebody listens', async () => {
    const clock = manualClock()
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    const running = await serve(
      [implement(Stock).use(deep).handlers(handlers)],
      [fakeBinding('http', diary(clock), clock)],
      {
        signals: false,
        clock,
      },
    )
    expect(error.mock.calls).toEqual([
      [
        'tenon: a stack that is known to go wrong: rule=too-deep message="too many layers" methods=["shop.v1.Stock/get","shop.v1.Stock/list"]',
      ],
    ])
    error.mockRestore()
    await running.close()
  })

  test.each<[string, Middleware, warnings: number]>([
    ['a breaker around a bulkhead', chain(breaker(), bulkhead({ maxConcurrent: 1, maxQueue: 9 })), 1],
    ['a bulkhead around a breaker', chain(bulkhead({ maxConcurrent: 1, maxQueue: 9 }), breaker()), 0],
  ])('is one of our policies: %s', async (_, stack, warnings) => {
    const clock = manualClock()
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    const services = [implement(Stock).use(stack).handlers(handlers)]
    const running = await serve(services, [fakeBinding('http', diary(clock), clock)], { signals: false, clock })
    const lines = error.mock.calls.map(([line]) => String(line))
    await running.close()
    error.mockRestore()
    expect(lines).toHaveLength(warnings)
    for (const line of lines) {
      expect(line).toMatch(/^tenon: a stack that is known to go wrong: rule=limiter-inside-breaker message=/)
      expect(line).toContain("Put 'bulkhead' outside 'breaker'.")
      expect(line).toContain('methods=["shop.v1.Stock/get","shop.v1.Stock/list"]')
    }
  })
})
