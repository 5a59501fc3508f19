// Which format a reader wants, by its Accept header (RFC 9110 §12.5.1). Prometheus asks for OpenMetrics since 2.5; a browser gets text.
import type { PageFormat } from './page.js'

/** OpenMetrics for whoever names it, and does not prefer text. */
export function acceptedFormat(accept: string | undefined): PageFormat {
  let [openmetrics, text] = [0, 0]
  for (const range of (accept ?? '').toLowerCase().split(',')) {
    const [type, ...parameters] = range.split(';').map(part => part.trim())
    const version = parameter(parameters, 'version')
    const quality = qualityOf(parameter(parameters, 'q'))
    if (type === 'application/openmetrics-text' && (version === undefined || version === '1.0.0'))
      openmetrics = Math.max(openmetrics, quality)
    if (type === 'text/plain') text = Math.max(text, quality)
  }
  return openmetrics > 0 && openmetrics >= text ? 'openmetrics' : 'text'
}

function parameter(parameters: readonly string[], name: string): string | undefined {
  return parameters.find(each => each.startsWith(`${name}=`))?.slice(name.length + 1)
}

function qualityOf(value: string | undefined): number {
  const quality = Number(value ?? 1)
  return quality >= 0 && quality <= 1 ? quality : 0
}
