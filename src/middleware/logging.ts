// One line per call, of the level at which somebody has to act: who that is, `blame` says, as it does for breakers and
// metrics, so that a page full of errors means that this service is broken, and not that a caller cannot spell.

import { enteredAt } from '../core/context.js'
import {
  around,
  blame,
  type Context,
  type DomainFailure,
  type Failure,
  isFailure,
  type MethodInfo,
  type Middleware,
  type Outcome,
  type Random,
  type Remote,
  systemRandom,
  traceIdOf,
} from '../core/index.js'
import type { Fields, Logger } from '../log/index.js'
import { hidingSecretsOf, withoutSecrets } from './callers-secrets.js'

/** How many of the calls that nobody has to act on are written. */
export interface LoggingSample {
  /** Of calls that succeeded: the part that is written, in [0, 1]. @defaultValue 1 */
  readonly ok?: number
  /** Of domain failures, and of failures that the caller has to mend: the part that is written, in [0, 1]. @defaultValue 1 */
  readonly caller?: number
}

/** Options of {@link logging}. */
export interface LoggingOptions {
  /**
   * Writes only a part of the calls that nobody here has to act on. Failures of this service and of its dependencies are always
   * written. A line says in `leftOut` how many calls of its method there were since the one before. @defaultValue all calls
   */
  readonly sample?: LoggingSample
  /** Draws the part. @defaultValue systemRandom */
  readonly random?: Random
}

/** What is known of a call while it goes on: both what `enter` gives and the state in it. */
class Started {
  readonly state: Started = this
  readonly at: number
  readonly request: unknown

  constructor(at: number, request: unknown) {
    this.at = at
    this.request = request
  }
}

/**
 * Logs each call when it ends (a stream: when it ended, failed or was abandoned) and changes nothing about it. The message is
 * `call`; the fields are, as far as there is such:
 *
 * - `method`, `code` (`ok`, the failure's code, `rejected` for a domain failure), `reason` (of a domain failure its tag), `blame`;
 * - `tookMs` on the call's clock, `attempt`, `traceId`, `side` (`server` or `client`) and `transport`;
 * - on a server `caller`, the network address of who called; on a client `peer`, whom it called;
 * - of a failure its text as `failure`, its `peer` (who answered with it) and `cause`, without the secrets that the caller sent.
 *
 * The level follows `blame`: `info` for success, domain failures and what the caller has to mend, `warn` for a dependency,
 * `error` for this service. Requests and responses are not logged. Throws `TypeError` without a logger, and `RangeError` for a
 * part outside [0, 1].
 *
 * Belongs outermost but for tracing, where it sees what limiters and breakers refuse; inside `retry` it logs each attempt.
 *
 * @example
 * ```ts
 * import { call, fromPromise } from 'tenon'
 * import { memoryLogger } from 'tenon/log'
 * import { logging } from 'tenon/middleware'
 *
 * const log = memoryLogger()
 * await call(logging(log)(fromPromise(async () => 'done')), {})
 * console.assert(log.entries[0]?.fields['code'] === 'ok')
 * ```
 */
export function logging(log: Logger, options: LoggingOptions = {}): Middleware {
  if (typeof log?.info !== 'function') throw new TypeError('logging: needs a logger')
  const { sample = {}, random = systemRandom } = options
  const ratios = { ok: ratio('ok', sample.ok), caller: ratio('caller', sample.caller), dependency: 1, service: 1 }
  return around((method, remote) => {
    const bound = log.with({ method: nameOf(method) })
    let leftOut = 0
    return {
      name: 'logging',
      enter: (context, request) => new Started(enteredAt(context), request),
      exit(outcome: Outcome, started: Started, context) {
        const failure = outcome._tag === 'Left' ? outcome.left : undefined
        const who = failure === undefined ? 'ok' : blame(failure)
        const write = levelOf[who]
        if (!bound.enabled(write)) return
        const part = ratios[who]
        if (part < 1 && random.next() >= part) {
          leftOut++
          return
        }
        const call = { context, started, remote, leftOut }
        const fields = failure === undefined ? lineOf(call) : failedLine(failure, call)
        bound[write]('call', fields)
        leftOut = 0
      },
    }
  })
}

function ratio(name: string, part = 1): number {
  if (typeof part === 'number' && part >= 0 && part <= 1) return part
  throw new RangeError(`logging: sample.${name} must be in [0, 1], got ${String(part)}`)
}

function nameOf(method: MethodInfo | undefined): string | undefined {
  return method === undefined ? undefined : `${method.service}/${method.name}`
}

const levelOf = { ok: 'info', caller: 'info', dependency: 'warn', service: 'error' } as const

/** All that a line is made of, beside the failure. */
interface Logged {
  readonly context: Context
  readonly started: Started
  /** Whom it went to, if the layer is around a client's endpoint. */
  readonly remote: Remote | undefined
  readonly leftOut: number
}

/** Of a call that succeeded. Names no more than is known: each field takes its time, even one that is left out of the line. */
function lineOf({ context, started, remote, leftOut }: Logged): Fields {
  const { transport, attempt } = context
  const tookMs = Math.round((context.clock.now() - started.at) * 1_000) / 1_000
  const traceId = traceIdOf(context)
  const more = leftOut === 0 ? undefined : leftOut
  if (transport !== undefined) {
    const caller = context.peer.address
    return { code: 'ok', tookMs, attempt, traceId, side: 'server', transport, caller, leftOut: more }
  }
  if (remote === undefined) return { code: 'ok', tookMs, attempt, traceId, leftOut: more }
  return {
    code: 'ok',
    tookMs,
    attempt,
    traceId,
    side: 'client',
    transport: remote.transport,
    peer: remote.peer,
    leftOut: more,
  }
}

function failedLine(failure: Failure | DomainFailure, call: Logged): Fields {
  const { code, ...rest } = lineOf(call)
  const who = blame(failure)
  if (!isFailure(failure)) return { code: 'rejected', reason: failure._tag, blame: who, ...rest }
  const { reason, message, cause } = failure
  const peer = rest['peer'] ?? failure.peer
  const hide = hidingSecretsOf(call.context, call.started.request)
  const told =
    hide === undefined ? { failure: message, cause } : { failure: hide(message), cause: withoutSecrets(cause, hide) }
  return { code: failure.code, reason, blame: who, ...rest, peer, ...told }
}
