// Reports to SkyWalking over its HTTP protocol, without its agent: that one patches what is loaded, and keeps the current span where the
// first await may lose it.

import { systemClock } from '../../core/index.js'
import { type BatchingOptions, batching, type ReportCounts, type Reporter } from '../index.js'
import { Oap } from './oap.js'
import { type Segment, Segments } from './segments.js'

/** Options of {@link skywalking}. What {@link BatchingOptions} count in spans is counted in segments here. */
export interface SkywalkingOptions extends BatchingOptions {
  /** Sent with each request: `{ authentication: token }` where the collector wants one. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>>
  /** The most spans of one segment, 1 to 10,000; of more, the last ones are left out, and SkyWalking is told so. @defaultValue 300 */
  readonly maxSpans?: number
  /** The most segments that wait for the rest of their spans: 1 to 1,000,000. @defaultValue 10,000 */
  readonly maxOpen?: number
  /** How often the collector is told that this process is there, in ms, at least 1,000. @defaultValue 60,000 */
  readonly keepAliveMs?: number
}

/** What became of the segments so far. */
export interface SegmentCounts extends ReportCounts {
  /** Waiting for spans that go on. */
  readonly open: number
}

/** What {@link skywalking} makes. */
export interface SkywalkingReporter extends Reporter {
  /** What became of the segments so far. */
  readonly counts: SegmentCounts
}

/**
 * A reporter for SkyWalking's collector (OAP 8 and newer): `url` is where it takes HTTP, such as `http://localhost:12800`. Spans of one
 * request become one segment, sent when the last of them has ended; segments are queued and sent as `batching` says. Give the tracer
 * `sw8` among its formats, so that segments of several processes are joined.
 *
 * Memory: what waits for spans that go on takes at most `maxQueueBytes` as well; when it is more, the oldest segments go as they are.
 * Throws `TypeError` for what is no http or https URL or has a password in it, and `RangeError` for options out of range.
 *
 * @example
 * ```ts no-run
 * import { tracer } from 'tenon/tracing'
 * import { skywalking } from 'tenon/tracing/skywalking'
 *
 * const traces = tracer({ service: 'shop', formats: ['sw8', 'w3c'], reporters: [skywalking('http://localhost:12800')] })
 * ```
 */
export function skywalking(url: string | URL, options: SkywalkingOptions = {}): SkywalkingReporter {
  const { headers = {}, maxSpans = 300, maxOpen = 10_000, keepAliveMs = 60_000, ...rest } = options
  const { clock = systemClock, timeoutMs = 5_000, maxQueueBytes = 16 * 2 ** 20 } = rest
  check('maxSpans', maxSpans, 1, 10_000)
  check('maxOpen', maxOpen, 1, 1_000_000)
  check('keepAliveMs', keepAliveMs, 1_000, Number.POSITIVE_INFINITY)
  const oap = new Oap({ url: addressOf(url), headers, keepAliveMs, timeoutMs, clock })
  const segments = new Segments({ maxSpans, maxOpen, maxOpenBytes: maxQueueBytes })
  const queue = batching<Segment>(oap, rest)
  let isClosed = false
  return {
    get counts() {
      return { ...queue.counts, open: segments.open }
    },
    start: origin => queue.start?.(origin),
    report(span) {
      // After the end nothing may wait for spans that nobody will send.
      if (isClosed) queue.report({ spans: [span], isSizeLimited: false, size: span.size })
      else for (const segment of segments.add(span)) queue.report(segment)
    },
    flush: () => queue.flush(),
    close() {
      isClosed = true
      for (const segment of segments.takeAll()) queue.report(segment)
      return queue.close()
    },
  }
}

function addressOf(url: string | URL): string {
  const parsed = URL.canParse(String(url)) ? new URL(String(url)) : undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    throw new TypeError('skywalking: the url must begin with http:// or https://')
  if (parsed.username !== '' || parsed.password !== '')
    throw new TypeError('skywalking: the url must not have a password in it; use headers')
  return (parsed.origin + parsed.pathname).replace(/\/+$/, '')
}

function check(name: string, value: number, min: number, max: number): void {
  const isRight = value >= min && value <= max && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY)
  if (!isRight) throw new RangeError(`skywalking: ${name} must be a whole number from ${min} to ${max}, got ${value}`)
}
