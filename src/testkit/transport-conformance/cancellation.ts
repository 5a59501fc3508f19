// A caller that gives up is heard where the work is done, wherever the call stands.
import { connect, contract, implement, method, stream } from '../../contract/index.js'
import { CallError } from '../../core/index.js'
import * as assert from '../assert.js'
import { text } from '../field.js'
import { aborted, gate, pause } from '../gate.js'
import { message } from '../message.js'
import { assertFailure, type TransportCase, transportCase } from '../trial.js'

const Name = message({ name: text() })
const Cancellation = contract('tenon.conformance.v1.Cancellation', {
  wait: method({ request: Name, response: Name, idempotency: 'safe' }),
  get: method({ request: Name, response: Name, idempotency: 'safe' }),
  watch: method({ request: Name, response: stream(Name), idempotency: 'safe' }),
  upload: method({ request: stream(Name), response: Name, idempotency: 'unsafe' }),
})

const request = { name: 'x' }
const cancelled = { code: 'cancelled', reason: 'CANCELLED' } as const

export const cancellationCases: readonly TransportCase[] = [
  transportCase('cancellation: aborts the work of the handler', async trial => {
    const [began, ended] = [gate(), gate<unknown>()]
    const service = implement(Cancellation).handlers({
      wait: async (given, { signal }) => {
        began.open()
        ended.open(await aborted(signal))
        return given
      },
    })
    const client = connect(Cancellation, await trial.serve(service))
    const controller = new AbortController()
    const failing = trial.failure(client.wait, request, { signal: controller.signal })
    await trial.within('the call', began.opened)
    controller.abort()
    assertFailure(await failing, cancelled)
    const why = await trial.within('the abort', ended.opened)
    assert.ok(why instanceof CallError, 'the reason of the abort is a CallError')
    assertFailure(why.failure, { code: 'cancelled' })
  }),
  transportCase('cancellation: before the call begins, nothing is sent', async trial => {
    let calls = 0
    const service = implement(Cancellation).handlers({
      get: given => {
        calls++
        return given
      },
    })
    const client = connect(Cancellation, await trial.serve(service))
    const failure = await trial.failure(client.get, request, { signal: AbortSignal.abort() })
    assertFailure(failure, { ...cancelled, ran: 'no' })
    await trial.response(client.get, request)
    assert.equal(calls, 1)
  }),
  transportCase('cancellation: of one call leaves the others alone', async trial => {
    const [began, going] = [gate(), gate()]
    const service = implement(Cancellation).handlers({
      wait: async (given, { signal }) => {
        began.open()
        await aborted(signal)
        return given
      },
      get: async given => {
        await going.opened
        return given
      },
    })
    const client = connect(Cancellation, await trial.serve(service))
    const controller = new AbortController()
    const failing = trial.failure(client.wait, request, { signal: controller.signal })
    const others = Promise.all([1, 2, 3].map(i => trial.response(client.get, { name: `${i}` })))
    await trial.within('the call', began.opened)
    controller.abort()
    assertFailure(await failing, cancelled)
    going.open()
    assert.deepEqual(await others, [{ name: '1' }, { name: '2' }, { name: '3' }])
    assert.deepEqual(await trial.response(client.get, request), request)
  }),
  transportCase('cancellation: while waiting for an item fails the stream and aborts its work', async trial => {
    const ended = gate()
    const service = implement(Cancellation).handlers({
      watch: async function* (given, { signal }) {
        try {
          yield given
          await aborted(signal)
        } finally {
          ended.open()
        }
      },
    })
    const client = connect(Cancellation, await trial.serve(service))
    const controller = new AbortController()
    const items: unknown[] = []
    const reading = async (): Promise<void> => {
      const stream = await trial.response(client.watch, request, { signal: controller.signal })
      for await (const item of stream) {
        items.push(item)
        controller.abort()
      }
    }
    const thrown = await trial.within(
      'the failure of the stream',
      reading().catch((thrown: unknown) => thrown),
    )
    assert.ok(thrown instanceof CallError)
    assertFailure(thrown.failure, cancelled)
    assert.deepEqual(items, [request])
    await trial.within('the end of the work', ended.opened)
  }),
  transportCase('cancellation: aborts the work of a stream that nobody has begun to read', async trial => {
    const ended = gate<unknown>()
    const service = implement(Cancellation).handlers({
      watch: (given, { signal }) => {
        void aborted(signal).then(ended.open)
        return (async function* () {
          yield given
          await aborted(signal)
        })()
      },
    })
    const client = connect(Cancellation, await trial.serve(service))
    const controller = new AbortController()
    await trial.response(client.watch, request, { signal: controller.signal })
    controller.abort()
    await trial.within('the abort', ended.opened)
  }),
  transportCase(
    'cancellation: in the middle of a request stream aborts the handler and closes the stream',
    async trial => {
      const [began, ended, closed] = [gate(), gate<unknown>(), gate()]
      let over = false
      const service = implement(Cancellation).handlers({
        upload: async (requests, { signal }) => {
          void aborted(signal).then(ended.open)
          for await (const _ of requests) began.open()
          return request
        },
      })
      const client = connect(Cancellation, await trial.serve(service))
      const controller = new AbortController()
      const requests = (async function* () {
        try {
          while (!over) {
            yield request
            await pause(1)
          }
        } finally {
          closed.open()
        }
      })()
      const failing = trial.failure(client.upload, requests, { signal: controller.signal })
      await trial.within('the first item', began.opened)
      controller.abort()
      assertFailure(await failing, cancelled)
      await trial.within('the abort', ended.opened)
      await trial.within('the end of the request stream', closed.opened).finally(() => {
        over = true
      })
    },
  ),
  transportCase('cancellation: a request stream that obeys it with an AbortError has no defect', async trial => {
    const [began, ended] = [gate(), gate()]
    const service = implement(Cancellation).handlers({
      upload: async requests => {
        for await (const _ of requests) began.open()
        return request
      },
    })
    const client = connect(Cancellation, await trial.serve(service))
    const controller = new AbortController()
    const requests = (async function* () {
      try {
        yield request // a transport that reads no further ahead leaves it here
        await aborted(controller.signal)
        throw Object.assign(new Error('stopped'), { name: 'AbortError' })
      } finally {
        ended.open()
      }
    })()
    const failing = trial.failure(client.upload, requests, { signal: controller.signal })
    await trial.within('the first item', began.opened)
    controller.abort()
    assertFailure(await failing, cancelled)
    await trial.within('the end of the request stream', ended.opened)
    await pause(1)
  }),
]
