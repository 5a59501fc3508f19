/** One process serves HTTP, gRPC and NATS at once, and one drain ends all three: each call and stream that goes on is finished first. */
import { connect as connectNats } from '@nats-io/transport-node'
import { call, callOrThrow, connect, contract, implement, method, stream } from 'tenon'
import type { ClientBinding } from 'tenon/contract'
import { serve } from 'tenon/lifecycle'
import * as grpc from 'tenon/transport/grpc'
import * as http from 'tenon/transport/http'
import * as nats from 'tenon/transport/nats'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { needNats, startNats } from './nats.js'

const Count = z.object({ n: z.number() })
const Work = contract('test.v1.Work', {
  now: method({ request: Count, response: Count, idempotency: 'safe' }),
  one: method({ request: Count, response: Count, idempotency: 'safe' }),
  down: method({ request: Count, response: stream(Count), idempotency: 'safe' }),
  up: method({ request: stream(Count), response: Count, idempotency: 'safe' }),
})

/** What is said once, and heard by all who wait. */
function signal(): { readonly said: Promise<void>; say(): void } {
  let say = (): void => {}
  const said = new Promise<void>(resolve => {
    say = resolve
  })
  return { said, say: () => say() }
}

test('a drain finishes the calls and streams of three transports at once', { timeout: 60_000 }, async ({ skip }) => {
  needNats(skip)
  const broker = await startNats()
  const servers = `127.0.0.1:${broker.port}`
  const [own, callers] = await Promise.all([connectNats({ servers }), connectNats({ servers })])
  const [goOn, inFlight, stopped] = [signal(), signal(), signal()]
  const expected = 9
  let arrived = 0
  let aborted = 0
  const begun = (cancelled: AbortSignal): void => {
    cancelled.addEventListener('abort', () => aborted++)
    if (++arrived === expected) inFlight.say()
  }
  const work = implement(Work).handlers({
    now: request => request,
    async one({ n }, { signal }) {
      begun(signal)
      await goOn.said
      return { n: n + 1 }
    },
    async *down({ n }, { signal }) {
      yield { n: 0 }
      begun(signal)
      await goOn.said
      for (let i = 1; i < n; i++) yield { n: i }
    },
    async up(items, { signal }) {
      let n = 0
      for await (const _ of items) if (++n === 1) begun(signal)
      return { n }
    },
  })
  let isDrained = false
  const bindings = [http.server({ port: 0, lingerMs: 50 }), grpc.server({ port: 0 }), nats.server(own)]
  const running = await serve([work], bindings, {
    signals: false,
    onEvent: ({ type }) => type === 'stopped-accepting' && stopped.say(),
  })
  const [overHttp = '', overGrpc = ''] = running.addresses
  const clients = (): readonly ClientBinding[] => [http.client(overHttp), grpc.client(overGrpc), nats.client(callers)]
  const first = clients()

  async function* numbers(): AsyncGenerator<{ n: number }> {
    yield { n: 1 }
    await goOn.said
    for (let n = 2; n <= 20; n++) yield { n }
  }
  const counted = async (binding: ClientBinding): Promise<number> => {
    let items = 0
    for await (const { n } of await callOrThrow(connect(Work, binding).down, { n: 20 })) expect(n).toBe(items++)
    return items
  }
  const results = Promise.all(
    first.map(binding => {
      const { one, up } = connect(Work, binding)
      return Promise.all([callOrThrow(one, { n: 1 }), counted(binding), callOrThrow(up, numbers())])
    }),
  )
  await inFlight.said
  const drained = running.drain().then(() => {
    isDrained = true
  })
  await stopped.said

  // Whoever comes now is answered as long as the transport still listens, and then refused: never lost.
  const late = clients()
  for (const binding of late) {
    const { now } = connect(Work, binding)
    let outcome = await call(now, { n: 1 })
    while (outcome._tag === 'Right') outcome = await call(now, { n: 1 })
    expect([binding.name, outcome.left]).toMatchObject([binding.name, { code: 'unavailable' }])
  }
  expect(isDrained).toBe(false)

  goOn.say()
  expect(await results).toEqual(first.map(() => [{ n: 2 }, 20, { n: 20 }]))
  await drained
  expect(aborted).toBe(0)
  await Promise.all([...first, ...late].map(binding => binding.close()))
  await Promise.all([own.close(), callers.close()])
  await broker.stop()
})
