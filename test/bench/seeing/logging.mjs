// Tenon's lines: of the middleware, and of the logger by itself.
import { openSync } from 'node:fs'
import { call, failed, fromPromise, testContext, withSpan } from 'tenon'
import { batch, logger } from 'tenon/log'
import { logging } from 'tenon/middleware'
import { handler } from '../policies/work.mjs'
import { fields, traceId } from './line.mjs'

const method = { service: 'bench.v1.Numbers', name: 'next', idempotency: 'safe' }
const refusal = failed('not_found', 'NO_SUCH_NUMBER', 'there is no such number')

export function contender(variant) {
  const lines = batch({ fd: openSync('/dev/null', 'w'), batchLength: 4_096 })
  const log = logger({ format: 'json', write: lines.write })
  // What a tracer would have put there; what it costs is another matter.
  const span = { traceId, spanId: 'b7ad6b7169203331', isRecording: false, headers: new Map(), set() {}, event() {} }
  const context = withSpan(testContext(), span)
  const fails = variant === 'a failure of the caller'
  const endpoint = fromPromise(fails ? async () => refusal : handler, method)
  const bare = request => call(endpoint, request, { context })
  const read = (result, request) => (fails ? request.n + 1 : result.right)
  if (variant === 'logger') {
    const own = log.with({ method: 'bench.v1.Numbers/next' })
    const run = request =>
      bare(request).then(result => {
        own.info('call', fields(request))
        return result
      })
    return { run, bare: request => bare(request).then(result => result), read }
  }
  const sample = variant === 'logging, sampled 1 in 100' ? { ok: 0.01 } : {}
  const logged = logging(log, { sample })(endpoint)
  return { run: request => call(logged, request, { context }), bare, read }
}
