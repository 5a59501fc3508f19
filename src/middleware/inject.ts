// Faults on purpose: a stack that was never seen to meet a slow or a failing dependency has not been tested. On the call's clock,
// so that tests take no time, and by chance that can be seeded, so that a run can be repeated.
import {
  type Context,
  definePolicy,
  type Failure,
  functionOption,
  isFailure,
  left,
  type MethodInfo,
  type Middleware,
  numberOption,
  objectOption,
  optional,
  type Policy,
  type PolicyEvent,
  type PolicyOptions,
  type Random,
  systemRandom,
} from '../core/index.js'
import { wait } from './wait.js'

/** What an {@link inject} tells. */
export interface InjectEvent extends PolicyEvent {
  readonly kind: 'inject'
  /** `delayed`: a call was made to wait. `failed`: a call was failed instead of run. */
  readonly type: 'delayed' | 'failed'
}

/** Options of {@link inject}. */
export interface InjectOptions extends PolicyOptions<InjectEvent> {
  /** The share of calls that something is done to, 0 to 1. 0 switches it off. */
  readonly ratio: number
  /** How long such a call waits before it goes on, in ms: 0 or more. @defaultValue 0 */
  readonly latencyMs?: number
  /** What such a call fails with, after its wait, instead of running. @defaultValue none: it only waits */
  readonly failure?: Failure
  /** Which calls may be hit. Pure. @defaultValue all */
  readonly matches?: (request: unknown, context: Context, method: MethodInfo | undefined) => boolean
  /** @defaultValue systemRandom */
  readonly random?: Random
}

/** What {@link inject} makes. */
export interface Inject extends Policy<InjectOptions, InjectEvent> {}

/**
 * Delays or fails a share of the calls: for tests and for rehearsals, switched on and off while running with `configure`. A wait ends
 * with the call. The failure is given as it is, `ran` included.
 *
 * Belongs innermost, where the dependency it stands for would be.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { call, failureOf, fromPromise, isLeft } from 'tenon'
 * import { inject } from 'tenon/middleware'
 *
 * const down = inject({ ratio: 1, failure: failureOf('unavailable', 'REHEARSAL', 'as if it were down') })
 * const endpoint = down(fromPromise(async () => 'up'))
 * assert.ok(isLeft(await call(endpoint, {})))
 * down.configure({ ratio: 0 })
 * assert.ok(!isLeft(await call(endpoint, {})))
 * ```
 */
export function inject(options: InjectOptions): Inject {
  return injectPolicy(options)
}

const injectPolicy = definePolicy<InjectOptions, InjectEvent>({
  kind: 'inject',
  rules: {
    ratio: numberOption({ min: 0, max: 1 }),
    latencyMs: numberOption({ fallback: 0, min: 0 }),
    failure: optional({ must: 'be a failure', allows: isFailure }),
    matches: functionOption(() => true),
    random: objectOption(['next'], systemRandom),
  },
  create(frame) {
    const middleware: Middleware = frame.around(method => ({
      enter(context, request) {
        const { ratio, latencyMs = 0, failure, matches, random = systemRandom } = frame.current
        if (ratio === 0 || matches?.(request, context, method) === false || random.next() >= ratio) return undefined
        const hit = () => {
          if (failure === undefined) return undefined
          frame.emit({ type: 'failed', method })
          return left(failure)
        }
        if (latencyMs === 0) return hit()
        frame.emit({ type: 'delayed', method })
        return wait(context, latencyMs).then(ended => (ended === undefined ? hit() : left(ended)))
      },
    }))
    return { middleware, controls: {} }
  },
})
