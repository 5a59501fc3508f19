// One line per call, of the level at which somebody has to act: who that is, `blame` says, as it does for breakers and
// metrics, so that a page full of errors means that this service is broken, and not that a caller cannot spell.
import { around, blame, isFailure, type MethodInfo, type Middleware, type Outcome } from '../core/index.js'
import type { Fields, Level, Logger } from '../log/index.js'

/**
 * Logs each call when it ends (a stream: when it ended, failed or was abandoned) and changes nothing about it. The message is
 * `call`; the fields are `method`, `outcome` (`ok`, `rejected` for a domain failure, `failed`), `code`, `reason` or `tag`,
 * `tookMs` on the call's clock, and `attempt`; of a failure also its text, `peer` and cause.
 *
 * The level follows `blame`: `info` for success, domain failures and what the caller has to mend, `warn` for a dependency,
 * `error` for this service. Requests and responses are not logged.
 *
 * Belongs outermost, where it sees what limiters and breakers refuse; inside `retry` it logs each attempt.
 *
 * @example
 * ```ts
 * import { call, fromPromise } from 'tenon'
 * import { memoryLogger } from 'tenon/log'
 * import { logging } from 'tenon/middleware'
 *
 * const log = memoryLogger()
 * await call(logging(log)(fromPromise(async () => 'done')), {})
 * console.assert(log.entries[0]?.fields['outcome'] === 'ok')
 * ```
 */
export function logging(log: Logger): Middleware {
  if (typeof log?.info !== 'function') throw new TypeError('logging: needs a logger')
  return around(method => {
    const bound = log.with({ method: nameOf(method) })
    return {
      name: 'logging',
      enter: context => ({ state: context.clock.now() }),
      exit(outcome, startedAt: number, context) {
        const tookMs = Math.round((context.clock.now() - startedAt) * 1_000) / 1_000
        bound[levelOf(outcome)]('call', { ...fieldsOf(outcome), tookMs, attempt: context.attempt })
      },
    }
  })
}

function nameOf(method: MethodInfo | undefined): string | undefined {
  return method === undefined ? undefined : `${method.service}/${method.name}`
}

const levelByBlame = { caller: 'info', dependency: 'warn', service: 'error' } as const

function levelOf(outcome: Outcome): Level {
  return outcome._tag === 'Right' ? 'info' : levelByBlame[blame(outcome.left)]
}

function fieldsOf(outcome: Outcome): Fields {
  if (outcome._tag === 'Right') return { outcome: 'ok' }
  const failure = outcome.left
  if (!isFailure(failure)) return { outcome: 'rejected', tag: failure._tag }
  const { code, reason, message, peer, cause } = failure
  return { outcome: 'failed', code, reason, failure: message, peer, cause }
}
