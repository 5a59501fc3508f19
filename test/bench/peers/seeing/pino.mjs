// pino, with the buffer that its documentation recommends for throughput: `minLength`, synchronous by default. Only the line is measured,
// nothing of a middleware around a call.
import pino from 'pino'
import { handler } from '../../policies/work.mjs'
import { fields } from '../../seeing/line.mjs'

const method = { method: 'bench.v1.Numbers/next' }

export function contender(variant) {
  const destination = pino.destination({ dest: '/dev/null', minLength: 4_096, sync: !variant.endsWith('asynchronous') })
  const log = pino({ base: undefined }, destination)
  const own = log.child(method)
  const write =
    variant === 'pino: info'
      ? request => own.info(fields(request), 'call')
      : request => log.child(method).info(fields(request), 'call')
  return {
    async run(request) {
      const result = await handler(request)
      write(request)
      return result
    },
    async bare(request) {
      const result = await handler(request)
      return result
    },
  }
}
