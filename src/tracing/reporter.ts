// The port of what takes spans away: Zipkin, an OpenTelemetry SDK, SkyWalking, a test. Most are an `Exporter` in a `batching` reporter,
// which alone has the queue, its bound, the timer and the one request in flight.
import type { FinishedSpan } from './finished-span.js'

/** The process that reports, as its spans name it. */
export interface Origin {
  /** `shop` */
  readonly service: string
  /** This process among those of the service: `shop-7f9c@10.0.0.7`. */
  readonly instance: string
  /** What else is known of the process: `{ 'deployment.environment': 'staging' }`. */
  readonly attributes: Readonly<Record<string, string>>
}

/** Takes spans that have ended, or what was made of them. */
export interface Reporter<Item = FinishedSpan> {
  /** Called once, by the tracer that reports to it, before the first span. Throws `TypeError` where it cannot be shared between them. */
  start?(origin: Origin): void
  /** Takes a span, on the path of the call: puts it into a queue, at most. Never throws. */
  report(span: Item): void
  /** Resolves when what was reported so far has been sent, or given up, in bounded time. Never rejects. */
  flush(): Promise<void>
  /** Flushes and releases what it holds, in bounded time; what is reported later is dropped and counted. Never rejects. */
  close(): Promise<void>
}

/** Sends spans somewhere, or what was made of them, a batch at a time. What is put into `batching`. */
export interface Exporter<Item = FinishedSpan> {
  /** `zipkin` */
  readonly name: string
  /** As a {@link Reporter}'s. */
  start?(origin: Origin): void
  /**
   * Sends a batch of at least one span. Never called while it is sending. Rejects where they did not arrive: they are lost, since a
   * collector that is down must not cost memory. Has to stop when `signal` aborts; whoever does not is not waited for.
   */
  export(spans: readonly Item[], signal: AbortSignal): Promise<void>
  /** Releases what it holds. */
  close?(): Promise<void>
}
