// The samplers there are. Whoever joins a trace keeps to the decision that came with it unless told otherwise, since half a trace tells
// less than none.
import { type Clock, systemClock } from '../core/index.js'
import type { Sampler } from './sampler.js'

/** Records everything. */
export const always: Sampler = { name: 'always', shouldSample: () => true }

/** Records nothing; traces are still joined and sent on. */
export const never: Sampler = { name: 'never', shouldSample: () => false }

/**
 * Records a share of all traces, chosen by the trace id: everybody who samples the same share chooses the same traces, as
 * OpenTelemetry's consistent probability sampling does. Throws `RangeError` unless `share` is in [0, 1].
 */
export function ratio(share: number): Sampler {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`ratio: must be in [0, 1], got ${share}`)
  const threshold = 1 - share
  return {
    name: `ratio(${share})`,
    shouldSample: ({ position }) => share === 1 || (share > 0 && position >= threshold),
  }
}

/** Keeps to the decision that came with the trace; `root` decides where none did. */
export function parentBased(root: Sampler): Sampler {
  return {
    name: `parentBased(${root.name})`,
    shouldSample: seed => seed.parent?.sampled ?? root.shouldSample(seed),
  }
}

/** Options of {@link rateLimited}. */
export interface RateLimitedOptions {
  /** What decides which of them. @defaultValue {@link always} */
  readonly of?: Sampler
  /** @defaultValue systemClock */
  readonly clock?: Clock
}

/**
 * Records at most so many spans per second that begin a trace here, evenly over time, at least one after a pause: a bound to what
 * tracing costs, whatever the traffic. Throws `RangeError` unless `perSecond` is more than 0 and finite.
 */
export function rateLimited(perSecond: number, { of = always, clock = systemClock }: RateLimitedOptions = {}): Sampler {
  if (!(perSecond > 0) || !Number.isFinite(perSecond))
    throw new RangeError(`rateLimited: must be more than 0 and finite, got ${perSecond}`)
  const most = Math.max(1, perSecond)
  let left = most
  let at = clock.now()
  return {
    name: `rateLimited(${perSecond}, ${of.name})`,
    shouldSample(seed) {
      if (!of.shouldSample(seed)) return false
      const now = clock.now()
      left = Math.min(most, left + ((now - at) * perSecond) / 1_000)
      at = now
      if (left < 1) return false
      left--
      return true
    },
  }
}
