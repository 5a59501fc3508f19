/**
 * One trace through SkyWalking's official agent and ours: a process with the agent calls our service, which calls one with the agent. Both
 * report to a collector, over gRPC and over HTTP, and the segments refer to each other.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { Server } from '@grpc/grpc-js'
import { Commands } from 'skywalking-backend-js/lib/proto/common/Common_pb.js'
import {
  type ITraceSegmentReportServiceServer,
  TraceSegmentReportServiceService,
} from 'skywalking-backend-js/lib/proto/language-agent/Tracing_grpc_pb.js'
import type { SegmentObject } from 'skywalking-backend-js/lib/proto/language-agent/Tracing_pb.js'
import { callOrThrow, connect, contract, implement, method } from 'tenon'
import { serve } from 'tenon/lifecycle'
import { tracing } from 'tenon/middleware'
import { tracer } from 'tenon/tracing'
import { skywalking } from 'tenon/tracing/skywalking'
import * as http from 'tenon/transport/http'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { root } from '../repo/sources.js'
import { listening } from '../tracing/otel/otlp-receiver.js'
import { httpOap } from '../tracing/skywalking/oap.js'
import { bound } from '../transport/grpc/bound.js'

type Segment = SegmentObject.AsObject

/** A collector for the agent. */
async function grpcOap(): Promise<{ readonly address: string; readonly segments: Segment[] }> {
  const segments: Segment[] = []
  const server = new Server()
  const service: Pick<ITraceSegmentReportServiceServer, 'collect' | 'collectInSync'> = {
    collect(call, callback) {
      call.on('data', (segment: SegmentObject) => segments.push(segment.toObject()))
      call.on('end', () => callback(null, new Commands()))
    },
    collectInSync: (_, callback) => callback(null, new Commands()),
  }
  server.addService(TraceSegmentReportServiceService, { ...service })
  const address = await bound(server)
  onTestFinished(() => server.forceShutdown())
  return { address, segments }
}

/** Starts the service with the agent; its address. */
async function startAgent(collector: string): Promise<string> {
  const path = join(root, 'test/integration/fixtures/skywalking-agent.cjs')
  const child = spawn(process.execPath, [path, collector], { cwd: root })
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  onTestFinished(() => {
    child.stdin.end()
    return ended
  })
  let said = ''
  child.stderr.on('data', chunk => (said += chunk))
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', chunk => {
      said += chunk
      const [, found] = /port (\d+)/.exec(said) ?? []
      if (found !== undefined) resolve(found)
    })
    void ended.then(() => reject(new Error(`it ended: ${said}`)))
  })
  return `http://127.0.0.1:${port}`
}

const Item = z.object({ sku: z.string() })
const Stock = contract('shop.v1.Stock', {
  take: method({ request: Item, response: Item, idempotency: 'idempotent', http: { post: '/take' } }),
})
const Shop = contract('shop.v1.Shop', {
  order: method({ request: Item, response: Item, idempotency: 'unsafe', http: { post: '/order' } }),
})

test('segments of the agent and ours join in one trace, both ways', { timeout: 60_000 }, async () => {
  const forAgent = await grpcOap()
  const { oap, server } = httpOap()
  const agent = await startAgent(forAgent.address)
  const traces = tracer({
    service: 'shop',
    instance: 'shop-1',
    formats: ['sw8'],
    reporters: [skywalking(await listening(server))],
  })
  const toStock = http.client(agent)
  const take = tracing(traces)(connect(Stock, toStock).take)
  const shop = implement(Shop)
    .use(tracing(traces))
    .handlers({ order: (item, context) => callOrThrow(take, item, { context }) })
  const running = await serve([shop], [http.server({ port: 0 })], { signals: false, resources: [traces] })
  const [address = ''] = running.addresses
  onTestFinished(async () => {
    await toStock.close()
    await running.close()
  })

  const response = await fetch(`${agent}/start?at=${encodeURIComponent(`${address}/order`)}`)
  expect([response.status, await response.json()]).toEqual([200, { sku: 'tea' }])
  await running.close() // and what was reported is sent
  await expect.poll(() => forAgent.segments.length, { timeout: 30_000 }).toBe(2)

  expect(oap.mistakes).toEqual([])
  expect(oap.segments).toHaveLength(1)
  const [ours] = oap.segments
  const caller = forAgent.segments.find(({ spansList }) => spansList.length === 2)
  const callee = forAgent.segments.find(({ spansList }) => spansList.length === 1)
  const exit = caller?.spansList.find(({ spantype }) => spantype === 1)
  if (ours === undefined || caller === undefined || callee === undefined || exit === undefined)
    throw new Error(JSON.stringify([oap.segments, forAgent.segments]))

  expect(ours.traceId).toBe(caller.traceid)
  expect(callee.traceid).toBe(caller.traceid)
  const [entry, client] = ours.spans
  expect(entry).toMatchObject({ spanType: 'Entry', spanLayer: 'Http', operationName: 'shop.v1.Shop/order' })
  expect(entry?.refs).toEqual([
    {
      refType: 'CrossProcess',
      traceId: caller.traceid,
      parentTraceSegmentId: caller.tracesegmentid,
      parentSpanId: exit.spanid,
      parentService: 'agent',
      parentServiceInstance: 'agent-1',
      parentEndpoint: '/order', // what the agent calls its client's span
      networkAddressUsedAtPeer: new URL(address).host,
    },
  ])
  expect(exit.peer).toBe(new URL(address).host)
  expect(client).toMatchObject({ spanId: 1, spanType: 'Exit', peer: new URL(agent).host })
  expect(callee.spansList[0]?.refsList).toMatchObject([
    {
      reftype: 0,
      traceid: ours.traceId,
      parenttracesegmentid: ours.traceSegmentId,
      parentspanid: client?.spanId,
      parentservice: 'shop',
      parentserviceinstance: 'shop-1',
      networkaddressusedatpeer: client?.peer,
    },
  ])
})
