// A service to be called from one platform to another: one method for each thing that has to get across.
import { CallError, type Context, contract, failed, failure, implement, left, method, stream } from 'tenon'
import { z } from 'zod'

const Key = z.object({ key: z.string() })
const Count = z.object({ count: z.int() })
/** How many calls with a key have begun, and how many were told that they are over. */
const Waiting = z.object({ begun: z.int(), ended: z.int() })
const Text = z.object({ text: z.string(), at: z.iso.datetime().optional() })

export const Demo = contract('tenon.runtimes.v1.Demo', {
  echo: method({ request: Text, response: Text, idempotency: 'safe', http: { post: '/demo/echo' } }),
  look: method({ request: Key, response: Text, idempotency: 'safe', http: { get: '/demo/things/{key}' } }),
  refuse: method({
    request: Key,
    response: Text,
    failures: { Refused: failure('failed_precondition', Key) },
    idempotency: 'unsafe',
    http: { post: '/demo/things/{key}:refuse' },
  }),
  wait: method({ request: Key, response: Text, idempotency: 'unsafe', http: { post: '/demo/things/{key}:wait' } }),
  waiting: method({ request: Key, response: Waiting, idempotency: 'safe', http: { get: '/demo/waiting/{key}' } }),
  count: method({ request: Count, response: stream(Count), idempotency: 'safe', http: { get: '/demo/count' } }),
  watch: method({
    request: Key,
    response: stream(Count),
    idempotency: 'safe',
    http: { get: '/demo/things/{key}/watch' },
  }),
  sum: method({ request: stream(Count), response: Count, idempotency: 'unsafe', http: { post: '/demo/sum' } }),
  double: method({
    request: stream(Count),
    response: stream(Count),
    idempotency: 'unsafe',
    http: { post: '/demo/double' },
  }),
})

/** The service, with a memory of which calls were told that they are over. */
export function demo() {
  const calls = new Map<string, { begun: number; ended: number }>()
  const callsOf = (key: string) => {
    const known = calls.get(key) ?? { begun: 0, ended: 0 }
    calls.set(key, known)
    return known
  }
  const ending = (key: string, { signal }: Context): Promise<void> =>
    new Promise(resolve => {
      const end = (): void => {
        callsOf(key).ended++
        resolve()
      }
      callsOf(key).begun++
      if (signal.aborted) end()
      else signal.addEventListener('abort', end, { once: true })
    })
  return implement(Demo).handlers({
    echo: (request, { metadata, reply }) => {
      reply.header('echoed', metadata.get('marker') ?? 'none')
      return request
    },
    look: ({ key }) =>
      failed('not_found', 'NO_SUCH_THING', `there is no ${key}`, { details: { key }, retryAfterMs: 250 }),
    refuse: ({ key }) => left(Demo.failures.Refused({ key })),
    wait: async ({ key }, context) => {
      await ending(key, context)
      return { text: 'too late' }
    },
    waiting: ({ key }) => callsOf(key),
    count: async function* ({ count }) {
      for (let each = 1; each <= Math.abs(count); each++) yield { count: each }
      if (count < 0)
        throw new CallError(failed('out_of_range', 'TOO_FAR', 'there is no more', { details: { count } }).left)
    },
    watch: async function* ({ key }, context) {
      yield { count: 1 }
      await ending(key, context)
    },
    sum: async requests => {
      let count = 0
      for await (const each of requests) count += each.count
      return { count }
    },
    double: async function* (requests) {
      for await (const { count } of requests) yield { count: count * 2 }
    },
  })
}
