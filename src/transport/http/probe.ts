// `/livez` and `/readyz`, as orchestrators ask for them.
import type { ProbeReport, Probes } from '../../contract/index.js'
import { jsonText } from '../json.js'
import type { HttpRequest, HttpResponse } from './message.js'

/** The response to a probe; undefined for any other request. */
export function probe(request: HttpRequest, probes: Probes): Promise<HttpResponse> | undefined {
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
  if (request.url === '/livez') return respond(() => probes.live())
  if (request.url === '/readyz') return respond(() => probes.ready())
  return undefined
}

async function respond(ask: () => ReturnType<Probes['live']>): Promise<HttpResponse> {
  let report: ProbeReport
  try {
    report = await ask()
  } catch {
    report = { ok: false, checks: {} }
  }
  const headers = ['content-type', 'application/json', 'cache-control', 'no-store']
  return { status: report.ok ? 200 : 503, headers, body: jsonText(report) }
}
