// The second example of Go kit, side by side with its main.go: a service in layers, of which one logs and one counts, and a page of
// metrics. README.md says what differs. New services use a contract and the middleware `logging` and `metrics`, which need no layer written.
import { logger } from 'tenon/log'
import { metricRegistry } from 'tenon/metrics'
import { prometheus } from 'tenon/metrics/prometheus'
import { listenAndServe } from '../stringsvc1/listen-and-serve.js'
import { instrumenting } from './instrumenting.js'
import { logging } from './logging.js'
import { stringService } from './service.js'
import { countHandler, uppercaseHandler } from './transport.js'

function main(): void {
  const log = logger({ format: 'logfmt' })
  const registry = metricRegistry()

  let svc = stringService
  svc = logging(log, svc)
  svc = instrumenting(registry, svc)

  listenAndServe('stringsvc2', {
    '/uppercase': uppercaseHandler(svc),
    '/count': countHandler(svc),
    // As promhttp.Handler of then: OpenMetrics would rename the counter, which has no _total.
    '/metrics': prometheus(registry, { openMetrics: false }),
  })
}

main()
