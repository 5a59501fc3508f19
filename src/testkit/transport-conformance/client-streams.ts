// Request streams: items in order as they are made, whoever stops first, and failures on either side.
import { connect, contract, failure, implement, method, stream } from '../../contract/index.js'
import { CallError, failed, failureOf, left } from '../../core/index.js'
import * as assert from '../assert.js'
import { integer, list } from '../field.js'
import { gate, pause } from '../gate.js'
import { message } from '../message.js'
import { assertFailure, assertFromPeer, type TransportCase, transportCase } from '../trial.js'

const Item = message({ index: integer() })
type Item = { readonly index: number }
const Full = failure('resource_exhausted', message({ after: integer() }))
const Streams = contract('tenon.conformance.v1.ClientStreams', {
  upload: method({
    request: stream(Item),
    response: message({ indexes: list(integer()) }),
    failures: { Full },
    idempotency: 'unsafe',
  }),
})

const reason = 'CONFORMANCE'

interface Source {
  readonly items: AsyncGenerator<Item, void, undefined>
  /** Resolves when nobody reads it any longer. */
  readonly closed: Promise<void>
}

/** Items without end, or up to what is thrown after `count`. */
function source(count: number, then: 'end' | 'go on' | { readonly thrown: unknown }): Source {
  const closed = gate()
  const items = (async function* () {
    try {
      for (let index = 0; index < count || then === 'go on'; index++) {
        yield { index }
        if (then === 'go on' && index % 10 === 9) await pause(1)
      }
      if (typeof then === 'object') throw then.thrown
    } finally {
      closed.open()
    }
  })()
  return { items, closed: closed.opened }
}

const uploading = implement(Streams).handlers({
  upload: async requests => {
    const indexes: number[] = []
    for await (const { index } of requests) indexes.push(index)
    return { indexes }
  },
})

export const clientStreamCases: readonly TransportCase[] = [
  ...[0, 1, 2, 1000].map(count =>
    transportCase(`request streams: ${count} items arrive in order, and then the end`, async trial => {
      const client = connect(Streams, await trial.serve(uploading))
      const { indexes } = await trial.response(client.upload, source(count, 'end').items)
      assert.deepEqual(
        indexes,
        Array.from({ length: count }, (_, i) => i),
      )
    }),
  ),
  transportCase('request streams: an item arrives before the next one is made', async trial => {
    const got = [gate(), gate(), gate()]
    const service = implement(Streams).handlers({
      upload: async requests => {
        for await (const { index } of requests) got[index]?.open()
        return { indexes: [] }
      },
    })
    const client = connect(Streams, await trial.serve(service))
    const requests = (async function* () {
      for (let index = 0; index < 3; index++) {
        yield { index }
        await got[index]?.opened
      }
    })()
    await trial.response(client.upload, requests)
  }),
  transportCase('request streams: a handler may answer without reading to the end', async trial => {
    const service = implement(Streams).handlers({
      upload: async requests => {
        for await (const { index } of requests) if (index === 2) break
        return { indexes: [2] }
      },
    })
    const client = connect(Streams, await trial.serve(service))
    const { items, closed } = source(0, 'go on')
    assert.deepEqual(await trial.response(client.upload, items), { indexes: [2] })
    await trial.within('the end of the request stream', closed)
    const again = await trial.response(client.upload, source(5, 'end').items)
    assert.deepEqual(again, { indexes: [2] }, 'the client goes on working')
  }),
  transportCase('request streams: a handler may answer without reading at all', async trial => {
    const client = connect(
      Streams,
      await trial.serve(implement(Streams).handlers({ upload: () => ({ indexes: [7] }) })),
    )
    const { items } = source(0, 'go on')
    assert.deepEqual(await trial.response(client.upload, items), { indexes: [7] })
  }),
  transportCase('request streams: a failure in the middle arrives whole, and the stream is closed', async trial => {
    const service = implement(Streams).handlers({
      upload: async requests => {
        for await (const { index } of requests) {
          if (index === 2) return failed('out_of_range', reason, 'enough', { details: { index } })
        }
        return { indexes: [] }
      },
    })
    const client = connect(Streams, await trial.serve(service))
    const { items, closed } = source(0, 'go on')
    const found = await trial.failure(client.upload, items)
    assertFailure(found, { code: 'out_of_range', reason, message: 'enough', details: { index: 2 } })
    assertFromPeer(found)
    await trial.within('the end of the request stream', closed)
  }),
  transportCase('request streams: a domain failure in the middle arrives whole', async trial => {
    const service = implement(Streams).handlers({
      upload: async requests => {
        for await (const { index } of requests) if (index === 2) break
        return left(Streams.failures.Full({ after: 2 }))
      },
    })
    const client = connect(Streams, await trial.serve(service))
    const { items, closed } = source(0, 'go on')
    assert.deepEqual(await trial.failure(client.upload, items), { _tag: 'Full', details: { after: 2 } })
    await trial.within('the end of the request stream', closed)
  }),
  transportCase('request streams: an item that does not fit is the mistake of the caller', async trial => {
    const client = connect(Streams, await trial.serve(uploading))
    const requests = (async function* () {
      yield { index: 0 }
      yield { index: 'one' } as never
      yield { index: 2 }
    })()
    const found = await trial.failure(client.upload, requests)
    assertFailure(found, { code: 'invalid_argument', reason: 'INVALID_REQUEST' })
    assertFromPeer(found)
    assert.deepEqual(found.details, { issues: [{ path: 'index', message: 'must be an integer' }] })
  }),
  ...Object.entries({
    'a CallError': { thrown: new CallError<never>(failureOf('aborted', reason, 'stop')), defects: 0 },
    'an Error': { thrown: new Error('swordfish'), defects: 1 },
  }).map(([what, { thrown, defects }]) =>
    transportCase(
      `request streams: ${what} thrown by the caller's own stream ends the call as cancelled`,
      async trial => {
        const ended = gate<unknown>()
        const service = implement(Streams).handlers({
          upload: async requests => {
            const indexes: number[] = []
            try {
              for await (const { index } of requests) indexes.push(index)
            } catch (caught) {
              ended.open({ caught, indexes })
              throw caught
            }
            return { indexes }
          },
        })
        const client = connect(Streams, await trial.serve(service))
        const found = await trial.failure(client.upload, source(3, { thrown }).items)
        assertFailure(found, { code: 'cancelled', reason: 'CANCELLED' })
        const { caught, indexes } = (await trial.within('the end of the request stream', ended.opened)) as {
          readonly caught: unknown
          readonly indexes: readonly number[]
        }
        assert.deepEqual(indexes, [0, 1, 2])
        assert.ok(caught instanceof CallError, `a stream fails with a CallError, not with ${String(caught)}`)
        assertFailure(caught.failure, { code: 'cancelled', reason: 'CANCELLED' })
        assert.equal(trial.takeDefects().length, defects, 'defects, of which the caller has one')
      },
    ),
  ),
  transportCase('request streams: an item that cannot be written ends the call as cancelled', async trial => {
    const client = connect(Streams, await trial.serve(uploading))
    const requests = (async function* () {
      yield { index: 0 }
      yield { index: 1, unwritable: new Map() }
    })()
    assertFailure(await trial.failure(client.upload, requests), { code: 'cancelled', reason: 'CANCELLED' })
    assert.equal(trial.takeDefects().length, 1, 'the caller is told of its mistake')
  }),
]
