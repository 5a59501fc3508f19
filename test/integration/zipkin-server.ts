/** A real Zipkin server: io.zipkin:zipkin-server from Maven Central, with its storage in memory, and its query API. */
import { cached, freePorts, needFile, type ServerProgram, startProgram } from './server-program.js'

const jar = cached('zipkin-server-3.5.1-exec.jar')

/** Skips a test where there is none, unless one must be there. */
export function needZipkin(skip: (reason: string) => void): void {
  needFile(jar, skip)
}

/** A span as Zipkin tells it. */
export interface ZipkinSpan {
  readonly traceId: string
  readonly id: string
  readonly parentId?: string
  readonly kind?: 'CLIENT' | 'SERVER' | 'PRODUCER' | 'CONSUMER'
  readonly name?: string
  /** Microseconds. */
  readonly timestamp?: number
  readonly duration?: number
  readonly localEndpoint?: { readonly serviceName?: string }
  readonly remoteEndpoint?: { readonly serviceName?: string; readonly ipv4?: string; readonly port?: number }
  readonly annotations?: readonly { readonly timestamp: number; readonly value: string }[]
  readonly tags?: Readonly<Record<string, string>>
  readonly shared?: boolean
  readonly debug?: boolean
}

export interface ZipkinServer extends ServerProgram {
  readonly url: string
  /** What `GET /api/v2/…` gives. */
  query(path: string): Promise<unknown>
  /** A trace, once so many of its spans are there. */
  trace(traceId: string, spans: number): Promise<readonly ZipkinSpan[]>
}

/** Starts one; resolves when it takes requests, after some seconds. */
export async function startZipkin(): Promise<ZipkinServer> {
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const listener = ['ip=127.0.0.1', `port=${port}`, 'protocols[0]=http'].map(each => `--armeria.ports[0].${each}`)
  const args = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-jar', jar, '--zipkin.storage.type=mem', ...listener]
  const program = await startProgram('java', args, async () => (await fetch(`${url}/health`)).ok)
  const query: ZipkinServer['query'] = async path => {
    const response = await fetch(`${url}/api/v2/${path}`)
    return response.ok ? response.json() : undefined
  }
  return {
    ...program,
    url,
    query,
    async trace(traceId, spans) {
      for (let tries = 0; tries < 400; tries++) {
        const trace = (await query(`trace/${traceId}`)) as readonly ZipkinSpan[] | undefined // Zipkin's API v2
        if (trace !== undefined && trace.length >= spans) return trace
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      throw new Error(`Zipkin has no ${spans} spans of ${traceId}`)
    },
  }
}
