/** The endpoint that a test answers. */
import { describe, expect, test } from 'vitest'
import { call, failureOf, intercept, left, methodOf, mockEndpoint, right, testContext } from '../../src/core/index.js'

describe('a mock endpoint', () => {
  test('makes a test a dialogue: a call, its answer, the next call', async () => {
    const { endpoint, next } = mockEndpoint<{ readonly id: number }, string>()
    const first = call(endpoint, { id: 1 })
    const one = await next()
    expect(one.request).toEqual({ id: 1 })
    one.respond('first')
    expect(await first).toEqual(right('first'))

    const second = call(endpoint, { id: 2 })
    const two = await next()
    two.fail(failureOf('unavailable', 'BUSY', 'later', { ran: 'no' }))
    expect(await second).toEqual(left(failureOf('unavailable', 'BUSY', 'later', { ran: 'no' })))
  })

  test('lets the test ask for a call before it comes, and many be open at once', async () => {
    const mock = mockEndpoint<number, string>()
    const waiting = [mock.next(), mock.next()]
    const answers = [1, 2, 3].map(n => call(mock.endpoint, n))
    const calls = await Promise.all([...waiting, mock.next()])
    expect(calls.map(({ request }) => request)).toEqual([1, 2, 3])
    expect(mock.calls).toBe(3)
    for (const each of calls.reverse()) each.respond(`answer ${each.request}`)
    expect(await Promise.all(answers)).toEqual([right('answer 1'), right('answer 2'), right('answer 3')])
  })

  test('can fail with a domain failure, or as if it had a defect', async () => {
    const thrown: unknown[] = []
    const context = testContext({ onDefect: each => void thrown.push(each) })
    const { endpoint, next } = mockEndpoint<number, string, { readonly _tag: 'OutOfStock'; readonly details: 7 }>()
    const first = call(endpoint, 1)
    ;(await next()).fail({ _tag: 'OutOfStock', details: 7 })
    expect(await first).toEqual(left({ _tag: 'OutOfStock', details: 7 }))
    const second = call(endpoint, 1, { context })
    ;(await next()).throws(new Error('bug'))
    expect(await second).toMatchObject({ left: { reason: 'DEFECT' } })
    expect(thrown.map(String)).toEqual(['Error: bug'])
  })

  test('answers once: what comes after changes nothing', async () => {
    const { endpoint, next } = mockEndpoint<number, string>()
    const answer = call(endpoint, 1)
    const only = await next()
    only.respond('first')
    only.respond('second')
    only.throws(new Error('third'))
    expect(await answer).toEqual(right('first'))
  })

  test('shows the context as the middleware left it, and the method it was given', async () => {
    const method = { service: 's', name: 'm', idempotency: 'safe' } as const
    const { endpoint, next, calls } = mockEndpoint(method)
    expect(calls).toBe(0)
    expect(methodOf(endpoint)).toBe(method)
    const twice = intercept({
      name: 'twice',
      async run(rest, request, context) {
        await rest(request, context)
        return rest(request, context)
      },
    })
    const answer = call(twice(endpoint), 'request', { deadlineMs: 500 })
    const first = await next()
    expect(first.context.remainingMs).toBeGreaterThan(0)
    first.respond(1)
    ;(await next()).respond(2)
    expect(await answer).toEqual(right(2))
  })
})
