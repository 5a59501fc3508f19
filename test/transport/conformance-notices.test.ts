/** The suite notices what it is there for: transports that are broken in one way each fail a case. */
import {
  type Context,
  isFailure,
  left,
  type MethodSpec,
  type Outcome,
  type RemoteCall,
  right,
  testContext,
} from 'tenon'
import { memoryHarness, runConformance, type TransportHarness, transportConformance } from 'tenon/testkit'
import { expect, test } from 'vitest'

type Sabotage = (send: RemoteCall, spec: MethodSpec) => RemoteCall
type Stream = AsyncIterable<unknown>

function sabotaged(sabotage: Sabotage): TransportHarness {
  const harness = memoryHarness()
  return {
    ...harness,
    patienceMs: 3_000, // some of what is awaited never happens
    async open(services, runtime) {
      const opened = await harness.open(services, runtime)
      const { client } = opened
      return { ...opened, client: { ...client, method: spec => sabotage(client.method(spec), spec) } }
    },
  }
}

/** Changes what comes back. */
function answering(change: (outcome: Outcome, spec: MethodSpec) => Outcome): Sabotage {
  return (send, spec) => async (request, context) => change(await send(request, context), spec)
}

function failing(parts: object): Sabotage {
  return answering(outcome =>
    outcome._tag === 'Left' && isFailure(outcome.left) ? left({ ...outcome.left, ...parts }) : outcome,
  )
}

function streaming(change: (items: Stream) => Stream): Sabotage {
  return answering((outcome, { response }) =>
    outcome._tag === 'Right' && response.streamed ? right(change(outcome.right as Stream)) : outcome,
  )
}

/** Calls with another context than the caller's. */
function within(contextOf: (context: Context) => Context): Sabotage {
  return send => (request, context) => send(request, contextOf(context))
}

const detached = within(({ remainingMs }) => testContext({ deadlineMs: remainingMs, onDefect: () => {} }))

async function* buffered(items: Stream): AsyncGenerator<unknown> {
  const all: unknown[] = []
  for await (const item of items) all.push(item)
  yield* all
}

const broken: readonly { readonly what: string; readonly sabotage: Sabotage; readonly noticedBy: string }[] = [
  ...['failures: aborted arrives with all its parts'].flatMap(noticedBy => [
    { what: 'loses details', sabotage: failing({ details: undefined }), noticedBy },
    { what: 'loses the time to wait', sabotage: failing({ retryAfterMs: undefined }), noticedBy },
    { what: 'has one code for all', sabotage: failing({ code: 'unknown' }), noticedBy },
    { what: 'has one reason for all', sabotage: failing({ reason: 'UNKNOWN' }), noticedBy },
    { what: 'says that nothing ran', sabotage: failing({ ran: 'no' }), noticedBy },
    { what: 'does not say who answered', sabotage: failing({ peer: undefined }), noticedBy },
  ]),
  {
    what: 'says that all may have run',
    sabotage: failing({ ran: 'maybe' }),
    noticedBy: 'failures: a layer of the server can say that the work never started',
  },
  {
    what: 'loses metadata',
    sabotage: detached,
    noticedBy: 'metadata: what the caller sends, the handler reads, under lower-case names',
  },
  {
    what: 'loses headers',
    sabotage: detached,
    noticedBy: 'reply: headers and trailers reach the caller with the response',
  },
  {
    what: 'does not send the deadline',
    sabotage: within(() => testContext({ deadlineMs: 1e9 })),
    noticedBy: 'deadlines: the handler has no more time than its caller',
  },
  {
    what: 'does not tell of cancellation',
    sabotage: detached,
    noticedBy: 'cancellation: aborts the work of the handler',
  },
  {
    what: 'sends each call twice',
    sabotage: send => async (request, context) => {
      await send(request, context)
      return send(request, context)
    },
    noticedBy: 'cancellation: before the call begins, nothing is sent',
  },
  {
    what: 'applies the schema before it sends',
    sabotage: (send, { request: { schema } }) => {
      const output = (message: unknown): unknown => {
        const result = schema['~standard'].validate(message)
        return 'value' in result ? result.value : message
      }
      return (request, context) => send(output(request), context)
    },
    noticedBy: 'wire forms: transforms and defaults are applied once, by the receiver',
  },
  {
    what: 'gives one call the answer of another',
    sabotage: send => {
      let last: Outcome | undefined
      return async (request, context) => {
        const outcome = await send(request, context)
        const given = last ?? outcome
        last = outcome
        return given
      }
    },
    noticedBy: 'results: one after the other over the same client',
  },
  {
    what: 'loses the last item',
    sabotage: streaming(async function* (items) {
      let before: { readonly item: unknown } | undefined
      for await (const item of items) {
        if (before !== undefined) yield before.item
        before = { item }
      }
    }),
    noticedBy: 'streams: 2 items arrive in order, and then the end',
  },
  {
    what: 'ends a broken stream in order',
    sabotage: streaming(async function* (items) {
      try {
        yield* items
      } catch {}
    }),
    noticedBy: 'streams: a failure after 1 items arrives after them, whole',
  },
  {
    what: 'reads response streams to the end first',
    sabotage: streaming(buffered),
    noticedBy: 'streams: an item arrives before the next one is made',
  },
  {
    what: 'does not make the handler wait',
    sabotage: streaming(buffered),
    noticedBy: 'back-pressure: a slow reader makes the handler wait',
  },
  {
    what: 'does not make the caller wait',
    sabotage: (send, { request: { streamed } }) => {
      return (request, context) => send(streamed ? buffered(request as Stream) : request, context)
    },
    noticedBy: 'back-pressure: a slow handler makes the caller wait',
  },
  {
    what: 'does not tell of readers that leave',
    sabotage: detached,
    noticedBy: 'abandonment: a stream that is left before its first item aborts its work',
  },
]

test.concurrent.each(broken)('a transport that $what', async ({ sabotage, noticedBy }) => {
  const cases = transportConformance.filter(({ name }) => name === noticedBy)
  expect(await runConformance(cases, memoryHarness())).toMatchObject([{ outcome: 'passed' }])
  expect(await runConformance(cases, sabotaged(sabotage))).toMatchObject([{ outcome: 'failed' }])
})
