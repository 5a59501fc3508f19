/** W3C's own suite as it is meant: a service over HTTP is sent headers and calls back; what it sends then is looked at. */
import { request } from 'node:http'
import { callOrThrow, connect, contract, implement, type Metadata, method } from 'tenon'
import { tracing } from 'tenon/middleware'
import { tracer } from 'tenon/tracing'
import * as http from 'tenon/transport/http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { deep } from '../../deep.js'
import { served } from '../../transport/http/served.js'
import { parentId, traceId, type W3cCase, w3cCases } from './w3c-cases.js'

const Harness = contract('w3c.Harness', {
  back: method({ request: z.object({}), response: z.object({}), idempotency: 'unsafe', http: { post: '/back' } }),
})
const Service = contract('w3c.Service', {
  test: method({
    request: z.object({ times: z.int() }),
    response: z.object({}),
    idempotency: 'unsafe',
    http: { post: '/test' },
  }),
})

/** A service that calls back as often as it is asked to; what each call back was sent. */
async function service(): Promise<(headers: W3cCase['headers'], times?: number) => Promise<readonly Metadata[]>> {
  const seen: Metadata[] = []
  const traces = tracer({ service: 'service', formats: ['w3c'] })
  const harness = await served([
    implement(Harness).handlers({
      back(_, { metadata }) {
        seen.push(metadata)
        return {}
      },
    }),
  ])
  const toHarness = http.client(harness.address)
  const call = tracing(traces)(connect(Harness, toHarness).back)
  const tested = implement(Service)
    .use(tracing(traces))
    .handlers({
      async test({ times }, context) {
        for (let count = 0; count < times; count++) await callOrThrow(call, {}, { context })
        return {}
      },
    })
  const { port } = await served([tested])
  onTestFinished(() => toHarness.close())
  return async (headers, times = 1) => {
    seen.length = 0
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const body = JSON.stringify({ times })
      const own = { host: 'service', 'content-type': 'application/json', 'content-length': String(body.length) }
      const flat = [...Object.entries(own), ...headers].flat() // as they are, twice the same name included
      const sent = request({ port, host: '127.0.0.1', path: '/test', method: 'POST', headers: flat }, response => {
        response.resume().on('end', () => resolve(response.statusCode))
      })
      sent.on('error', reject).end(body)
    })
    expect(status).toBe(200)
    expect(seen).toHaveLength(times)
    return [...seen]
  }
}

const rule = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/

test('each case holds from header to header', async () => {
  const send = await service()
  for (const { name, headers, joined, state } of w3cCases.filter((_, at) => at % deep(8, 1) === 0)) {
    const [metadata] = await send(headers)
    const [, trace, parent] = rule.exec(metadata?.get('traceparent') ?? '') ?? []
    expect(trace, name).toMatch(/^(?!0{32})/)
    expect(trace === traceId, name).toBe(joined)
    // What is not recorded has no place in the trace, and passes on what came.
    const isRecorded = !headers.some(([, value]) => value.endsWith('-00'))
    expect(parent === parentId, name).toBe(joined && !isRecorded)
    if (state === undefined) continue
    const members = metadata?.get('tracestate')?.split(',') ?? []
    expect(members.slice(0, state.length), name).toEqual(state)
    if (state.length === 0) expect(members, name).toEqual([])
  }
})

describe('several calls back', () => {
  test.each([
    ['a valid parent', `00-${traceId}-${parentId}-01`, 1],
    ['an invalid parent', `00-${'0'.repeat(32)}-${parentId}-01`, 1],
  ])('of %s have one trace and parents of their own', async (_, traceparent, traces) => {
    const sent = await (await service())([['traceparent', traceparent]], 3)
    const found = sent.map(metadata => rule.exec(metadata.get('traceparent') ?? ''))
    expect(new Set(found.map(match => match?.[1])).size).toBe(traces)
    expect(new Set(found.map(match => match?.[2])).size).toBe(3)
    expect(found[0]?.[1] === traceId).toBe(traceparent.includes(traceId))
  })
})
