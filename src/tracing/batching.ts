// The one queue between calls and a collector. A collector that is slow, down or mad costs the spans it does not take, a bounded amount
// of memory and one request at a time: never a call.
import { observe } from '../core/call-error.js'
import { errorText } from '../core/error-text.js'
import { type Clock, systemClock, type Timer } from '../core/index.js'
import type { FinishedSpan } from './finished-span.js'
import type { Exporter, Origin, Reporter } from './reporter.js'
import { type Sized, SpanQueue } from './span-queue.js'

/** What became of the spans so far. */
export interface ReportCounts {
  /** Waiting now. */
  readonly queued: number
  /** In the request that is under way. */
  readonly sending: number
  /** Taken by the collector. */
  readonly sent: number
  /** Lost with a request that failed or took too long. */
  readonly failed: number
  /** Lost since the queue was full, or the reporter closed. */
  readonly dropped: number
}

/** Options of {@link batching}. */
export interface BatchingOptions {
  /** The most spans that wait: 1 to 1,000,000. Of more, the oldest are dropped. @defaultValue 5,000 */
  readonly maxQueue?: number
  /** About the most memory that they take, in bytes, at least 10,000: the oldest are dropped as well. @defaultValue 16 MiB */
  readonly maxQueueBytes?: number
  /** The most spans in one request: 1 to `maxQueue`. @defaultValue 500, or `maxQueue` if that is less */
  readonly maxBatch?: number
  /** How long a span waits for others, in ms: 10 or more. @defaultValue 1,000 */
  readonly intervalMs?: number
  /** How long a request may take, in ms, more than 0: its spans are lost then. @defaultValue 5,000 */
  readonly timeoutMs?: number
  /** How long `flush` and `close` may take, in ms, more than 0. @defaultValue 1,500: less than what `serve` gives a resource */
  readonly flushTimeoutMs?: number
  /** Told of each batch that is lost, with what is known of why. @defaultValue the first in a row, on stderr */
  readonly onFailure?: (error: unknown, counts: ReportCounts) => void
  /** @defaultValue systemClock */
  readonly clock?: Clock
}

/** What {@link batching} makes. */
export interface BatchingReporter<Item = FinishedSpan> extends Reporter<Item> {
  /** What became of the spans so far. */
  readonly counts: ReportCounts
}

/**
 * A reporter that queues spans and hands them to an exporter in batches: when `maxBatch` are there, and `intervalMs` after the first.
 * There is one request at a time; what an exporter that does not heed its signal still does counts as one. Waiting spans do not keep
 * the process alive: close the tracer in the end, as `serve` does with its `resources`. Throws `TypeError` for what is no exporter and
 * `RangeError` for options out of range.
 */
export function batching<Item extends Sized = FinishedSpan>(
  exporter: Exporter<Item>,
  options: BatchingOptions = {},
): BatchingReporter<Item> {
  return new Batching(exporter, options)
}

type Settings = Required<Omit<BatchingOptions, 'onFailure'>>

class Batching<Item extends Sized> implements BatchingReporter<Item> {
  readonly #exporter: Exporter<Item>
  readonly #settings: Settings
  readonly #onFailure: (error: unknown, counts: ReportCounts) => void
  readonly #queue: SpanQueue<Item>
  #origin: Origin | undefined
  #timer: Timer | undefined
  /** The request that is under way, until it is given up: whether it arrived. */
  #request: Promise<boolean> | undefined
  /** The exporter has been called, and has not ended. */
  #isBusy = false
  #sending = 0
  #sent = 0
  #failed = 0
  #dropped = 0
  #isFailing = false
  #isClosed = false
  #closing: Promise<void> | undefined

  constructor(exporter: Exporter<Item>, options: BatchingOptions) {
    if (typeof exporter?.export !== 'function') throw new TypeError('batching: needs an exporter')
    this.#exporter = exporter
    this.#settings = settingsOf(options)
    this.#queue = new SpanQueue(this.#settings.maxQueue, this.#settings.maxQueueBytes)
    this.#onFailure =
      options.onFailure ??
      ((error, counts) => {
        if (!this.#isFailing)
          console.error(`tenon: ${exporter.name} does not take spans (${lost(counts)}): ${errorText(error)}`)
      })
  }

  get counts(): ReportCounts {
    const { size: queued } = this.#queue
    const dropped = this.#dropped + this.#queue.dropped
    return { queued, sending: this.#sending, sent: this.#sent, failed: this.#failed, dropped }
  }

  start(origin: Origin): void {
    if (this.#origin !== undefined) throw new TypeError(`${this.#exporter.name}: reports for one tracer already`)
    this.#origin = origin
    this.#exporter.start?.(origin)
  }

  report(span: Item): void {
    if (this.#isClosed) {
      this.#dropped++
      return
    }
    this.#queue.push(span)
    if (this.#queue.size >= this.#settings.maxBatch && !this.#isBusy && !this.#isFailing) void this.#send()
    else this.#sendLater()
  }

  #sendLater(): void {
    if (this.#timer !== undefined || this.#isBusy || this.#isClosed) return
    const { clock, intervalMs } = this.#settings
    this.#timer = clock.setTimer(() => {
      this.#timer = undefined
      void this.#send()
    }, intervalMs)
    this.#timer.keepAlive(false)
  }

  /** Sends a batch, unless one is under way; whether it arrived. */
  async #send(): Promise<boolean> {
    if (this.#isBusy || this.#queue.size === 0) return false
    this.#timer?.cancel()
    this.#timer = undefined
    const batch = this.#queue.take(this.#settings.maxBatch)
    this.#isBusy = true
    this.#sending = batch.length
    this.#request = this.#attempt(batch)
    const arrived = await this.#request
    this.#request = undefined
    if (!this.#isBusy) this.#goOn(arrived)
    return arrived
  }

  /** What comes after a request. After one that failed, the collector is left in peace for a while. */
  #goOn(arrived: boolean): void {
    if (this.#queue.size === 0 || this.#isClosed) return
    if (arrived && this.#queue.size >= this.#settings.maxBatch) void this.#send()
    else this.#sendLater()
  }

  async #attempt(batch: readonly Item[]): Promise<boolean> {
    const { clock, timeoutMs } = this.#settings
    const controller = new AbortController()
    let timer: Timer | undefined
    const tooLate = new Promise<never>((_, reject) => {
      timer = clock.setTimer(() => {
        const error = new Error(`no answer within ${timeoutMs} ms`)
        controller.abort(error)
        reject(error)
      }, timeoutMs)
      timer.keepAlive(false)
    })
    const exported = this.#export(batch, controller.signal)
    try {
      await Promise.race([exported, tooLate])
      this.#sent += batch.length
      this.#isFailing = false
      return true
    } catch (error) {
      this.#failed += batch.length
      observe(this.#onFailure, error, this.counts)
      this.#isFailing = true
      return false
    } finally {
      timer?.cancel()
      this.#sending = 0
    }
  }

  async #export(batch: readonly Item[], signal: AbortSignal): Promise<void> {
    const exporting = async (): Promise<void> => this.#exporter.export(batch, signal) // what it throws, it rejects with
    try {
      await exporting()
    } finally {
      this.#isBusy = false
      if (this.#request === undefined) this.#goOn(false) // it was given up long ago
    }
  }

  async flush(): Promise<void> {
    await this.#within(this.#flush())
  }

  /** Until what waits now is gone, or a request fails. */
  async #flush(): Promise<void> {
    const until = this.#queue.gone + this.#queue.size
    while (this.#request !== undefined || this.#queue.gone < until) if (!(await (this.#request ?? this.#send()))) return
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.flush()
    this.#isClosed = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#dropped += this.#queue.take(this.#queue.size).length
    if (this.#exporter.close !== undefined) await this.#within(this.#exporter.close())
  }

  /** Waits for something, as long as there is time. */
  async #within(work: Promise<void>): Promise<void> {
    const { clock, flushTimeoutMs } = this.#settings
    let timer: Timer | undefined
    const patience = new Promise<void>(resolve => {
      timer = clock.setTimer(resolve, flushTimeoutMs)
    })
    try {
      await Promise.race([work, patience])
    } catch (error) {
      observe(this.#onFailure, error, this.counts)
    } finally {
      timer?.cancel()
    }
  }
}

function settingsOf(options: BatchingOptions): Settings {
  const { maxQueue = 5_000, maxQueueBytes = 16 * 2 ** 20, intervalMs = 1_000, timeoutMs = 5_000 } = options
  const { maxBatch = Math.min(500, maxQueue), flushTimeoutMs = 1_500, clock = systemClock } = options
  const check = (name: string, value: number, isRight: boolean, rule: string): void => {
    if (!isRight) throw new RangeError(`batching: ${name} must be ${rule}, got ${value}`)
  }
  const isInteger = Number.isInteger
  check('maxQueue', maxQueue, isInteger(maxQueue) && maxQueue > 0 && maxQueue <= 1e6, 'an integer from 1 to 1,000,000')
  check('maxQueueBytes', maxQueueBytes, maxQueueBytes >= 10_000, '10,000 or more')
  check('maxBatch', maxBatch, isInteger(maxBatch) && maxBatch > 0 && maxBatch <= maxQueue, 'from 1 to maxQueue')
  check('intervalMs', intervalMs, intervalMs >= 10, '10 or more')
  check('timeoutMs', timeoutMs, timeoutMs > 0, 'more than 0')
  check('flushTimeoutMs', flushTimeoutMs, flushTimeoutMs > 0, 'more than 0')
  return { maxQueue, maxQueueBytes, maxBatch, intervalMs, timeoutMs, flushTimeoutMs, clock }
}

function lost({ failed, dropped }: ReportCounts): string {
  return `${failed + dropped} are lost so far`
}
