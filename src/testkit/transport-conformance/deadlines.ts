// A call ends at its deadline on both sides, whatever the handler does. Real time bounds these cases from above only.
import { connect, contract, implement, method, stream } from '../../contract/index.js'
import { CallError } from '../../core/index.js'
import * as assert from '../assert.js'
import { number, text } from '../field.js'
import { aborted, gate } from '../gate.js'
import { message } from '../message.js'
import { assertFailure, type TransportCase, transportCase } from '../trial.js'

const Name = message({ name: text() })
const Left = message({ remainingMs: number() })
const Deadlines = contract('tenon.conformance.v1.Deadlines', {
  left: method({ request: Name, response: Left, idempotency: 'safe' }),
  leftByDefault: method({ request: Name, response: Left, idempotency: 'safe', deadlineMs: 14_321 }),
  wait: method({ request: Name, response: Name, idempotency: 'safe' }),
  watch: method({ request: Name, response: stream(Name), idempotency: 'safe' }),
  upload: method({ request: stream(Name), response: Name, idempotency: 'unsafe' }),
})

const request = { name: 'x' }
const exceeded = { code: 'deadline_exceeded', reason: 'DEADLINE_EXCEEDED' } as const

export const deadlineCases: readonly TransportCase[] = [
  transportCase('deadlines: the handler has no more time than its caller', async trial => {
    const service = implement(Deadlines).handlers({ left: (_, { remainingMs }) => ({ remainingMs }) })
    const client = connect(Deadlines, await trial.serve(service))
    for (const deadlineMs of [10_000, 60_000]) {
      const { remainingMs } = await trial.response(client.left, request, { deadlineMs })
      assert.ok(remainingMs > 0 && remainingMs <= deadlineMs, `${remainingMs} ms were left of ${deadlineMs}`)
    }
  }),
  transportCase('deadlines: a method has its own where the caller has none', async trial => {
    const service = implement(Deadlines).handlers({ leftByDefault: (_, { remainingMs }) => ({ remainingMs }) })
    const client = connect(Deadlines, await trial.serve(service))
    const { remainingMs } = await trial.response(client.leftByDefault, request)
    assert.ok(remainingMs > 0 && remainingMs <= 14_321, `${remainingMs} ms were left of 14321`)
  }),
  transportCase('deadlines: a late call fails, and its work is aborted', async trial => {
    const ended = gate<unknown>()
    let began = false
    const service = implement(Deadlines).handlers({
      wait: async (given, { signal }) => {
        began = true
        ended.open(await aborted(signal))
        return given
      },
    })
    const client = connect(Deadlines, await trial.serve(service))
    await untilBegun(async deadlineMs => {
      assertFailure(await trial.failure(client.wait, request, { deadlineMs }), exceeded)
      return began
    })
    const why = await trial.within('the abort', ended.opened)
    assert.ok(why instanceof CallError, 'the reason of the abort is a CallError')
  }),
  transportCase('deadlines: a late call fails, though its handler ignores the abort', async trial => {
    const late = gate()
    let began = false
    const service = implement(Deadlines).handlers({
      wait: async given => {
        began = true
        await late.opened
        return given
      },
    })
    const client = connect(Deadlines, await trial.serve(service))
    await untilBegun(async deadlineMs => {
      assertFailure(await trial.failure(client.wait, request, { deadlineMs }), exceeded)
      return began
    })
    late.open()
  }),
  transportCase('deadlines: a stream that is late fails in the middle, and its work is aborted', async trial => {
    const ended = gate()
    const service = implement(Deadlines).handlers({
      watch: async function* (given, { signal }) {
        try {
          yield given
          await aborted(signal)
        } finally {
          ended.open()
        }
      },
    })
    const client = connect(Deadlines, await trial.serve(service))
    await untilBegun(async deadlineMs => {
      const outcome = await trial.call(client.watch, request, { deadlineMs })
      if (outcome._tag === 'Left') return false
      const { items, failure } = await trial.brokenItems(outcome.right)
      assertFailure(failure, exceeded)
      return items.length === 1
    })
    await trial.within('the end of the work', ended.opened)
  }),
  transportCase('deadlines: a handler that waits for a late request stream is told', async trial => {
    const [ended, never] = [gate<unknown>(), gate()]
    let began = false
    const service = implement(Deadlines).handlers({
      upload: async requests => {
        try {
          for await (const _ of requests) began = true
        } catch (thrown) {
          ended.open(thrown)
        }
        return request
      },
    })
    const client = connect(Deadlines, await trial.serve(service))
    await untilBegun(async deadlineMs => {
      const requests = (async function* () {
        yield request
        await never.opened
      })()
      assertFailure(await trial.failure(client.upload, requests, { deadlineMs }), exceeded)
      return began
    })
    const thrown = await trial.within('the end of the request stream', ended.opened)
    assert.ok(thrown instanceof CallError, `a stream fails with a CallError, not with ${String(thrown)}`)
    never.open()
  }),
]

/** Tries short deadlines first, and longer ones where the machine is too slow for a handler to begin in time. */
async function untilBegun(attempt: (deadlineMs: number) => Promise<boolean>): Promise<void> {
  for (const deadlineMs of [100, 400, 1600, 6400]) {
    if (await attempt(deadlineMs)) return
  }
  assert.fail('the handler did not begin in time')
}
