/** A real Jaeger, built from the Go module proxy, with its storage in memory: takes OTLP and Zipkin's V2 JSON, answers queries. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cached, freePorts, needFile, type ServerProgram, startProgram } from './server-program.js'

const program = cached('jaeger-1.76.0')

/** Skips a test where there is none, unless one must be there. */
export function needJaeger(skip: (reason: string) => void): void {
  needFile(program, skip)
}

/** A span as Jaeger's query API tells it. */
export interface JaegerSpan {
  readonly traceID: string
  readonly spanID: string
  readonly operationName: string
  readonly processID: string
  readonly references: readonly { readonly refType: string; readonly traceID: string; readonly spanID: string }[]
  readonly tags: readonly { readonly key: string; readonly type: string; readonly value: unknown }[]
  readonly logs: readonly { readonly fields: readonly { readonly key: string; readonly value: unknown }[] }[]
  readonly startTime: number
  readonly duration: number
}

export interface JaegerTrace {
  readonly spans: readonly JaegerSpan[]
  readonly processes: Readonly<Record<string, { readonly serviceName: string }>>
}

export interface JaegerServer extends ServerProgram {
  /** `http://127.0.0.1:…`, for `POST /v1/traces`. */
  readonly otlpUrl: string
  /** For `POST /api/v2/spans`. */
  readonly zipkinUrl: string
  /** The page. */
  readonly url: string
  /** A trace, once so many of its spans are there. */
  trace(traceId: string, spans: number): Promise<JaegerTrace>
}

/** Starts one; resolves when it takes requests. */
export async function startJaeger(): Promise<JaegerServer> {
  const ports = await freePorts(4)
  const [query, otlp, zipkin, grpc] = ports.map(port => `127.0.0.1:${port}`)
  const folder = mkdtempSync(join(tmpdir(), 'tenon-jaeger-'))
  const config = join(folder, 'config.json')
  writeFileSync(
    config,
    JSON.stringify({
      service: {
        extensions: ['jaeger_storage', 'jaeger_query'],
        pipelines: { traces: { receivers: ['otlp', 'zipkin'], exporters: ['jaeger_storage_exporter'] } },
        telemetry: { metrics: { level: 'none' } },
      },
      extensions: {
        jaeger_query: { storage: { traces: 'here' }, http: { endpoint: query }, grpc: { endpoint: grpc } },
        jaeger_storage: { backends: { here: { memory: { max_traces: 10_000 } } } },
      },
      receivers: { otlp: { protocols: { http: { endpoint: otlp } } }, zipkin: { endpoint: zipkin } },
      exporters: { jaeger_storage_exporter: { trace_storage: 'here' } },
    }),
  )
  const url = `http://${query}`
  const server = await startProgram(program, ['--config', config], async () => (await fetch(`${url}/api/services`)).ok)
  return {
    url,
    otlpUrl: `http://${otlp}`,
    zipkinUrl: `http://${zipkin}`,
    async trace(traceId, spans) {
      for (let tries = 0; tries < 400; tries++) {
        const response = await fetch(`${url}/api/traces/${traceId}`)
        const { data } = response.ok ? ((await response.json()) as { data: readonly JaegerTrace[] }) : { data: [] } // Jaeger's query API
        const [trace] = data
        if (trace !== undefined && trace.spans.length >= spans) return trace
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      throw new Error(`Jaeger has no ${spans} spans of ${traceId}`)
    },
    async stop() {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
