// What the backends that metrics are sent to have in common: they read the registry at intervals, keep what cannot be sent yet within a
// bound, and send one batch at a time. A server that is gone, or hangs, costs calls nothing: they only count.

import { observe } from '../core/call-error.js'
import { errorText } from '../core/error-text.js'
import {
  type Clock,
  functionOption,
  numberOption,
  type OptionRules,
  objectOption,
  optional,
  systemClock,
  type Timer,
} from '../core/index.js'

/** Options of all backends that metrics are sent to. */
export interface SenderOptions {
  /** How often everything is sent, in ms: 100 to 3 600 000. @defaultValue 10 000 */
  readonly intervalMs?: number
  /** Goes before all names, with a dot behind it: letters, digits, `_`, `-` and dots. @defaultValue none */
  readonly prefix?: string
  /** How much may wait for a server that takes nothing, in bytes, 10 000 or more; then the oldest is dropped. @defaultValue 1 048 576 */
  readonly maxBufferedBytes?: number
  /** How long the server may take for a batch, in ms, and {@link MetricSender.close} for everything: 1 to 60 000. @defaultValue 2 000 */
  readonly timeoutMs?: number
  /** Told when sending fails, works again, and loses something. Never awaited. @defaultValue a line on stderr, of what is lost once in a row */
  readonly onEvent?: (event: SenderEvent) => void
  /** @defaultValue systemClock */
  readonly clock?: Clock
}

/** What a sender tells. */
export type SenderEvent =
  | {
      /** A batch could not be sent, after one that could: it is tried again at the next interval. */
      readonly type: 'failed'
      /** `statsd 127.0.0.1:8125` */
      readonly target: string
      readonly error: unknown
    }
  | {
      /** A batch was sent, after some that could not be. */
      readonly type: 'recovered'
      readonly target: string
    }
  | {
      /** A batch was lost: there was no place to keep it, or the server refuses it, which trying again does not mend. */
      readonly type: 'dropped'
      readonly target: string
      readonly bytes: number
      /** What the server said. */
      readonly error?: unknown
    }

/** Sends the metrics of a registry until it is closed. Keeps no process alive. */
export interface MetricSender {
  /** Reads and sends everything now; resolves when it is sent, or has failed. Never rejects. */
  flush(): Promise<void>
  /** How many bytes were lost since the beginning. */
  readonly droppedBytes: number
  /** Sends everything a last time, for at most `timeoutMs`, and ends. Never rejects. */
  close(): Promise<void>
  /** {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** The rules of {@link SenderOptions}. */
export const senderRules: OptionRules<SenderOptions> = {
  intervalMs: numberOption({ fallback: 10_000, min: 100, max: 3_600_000 }),
  prefix: optional({
    must: "be words with dots between, such as 'shop.orders'",
    allows: value => typeof value === 'string' && /^[\w-]+(?:\.[\w-]+)*$/.test(value),
  }),
  maxBufferedBytes: numberOption({ fallback: 1_048_576, min: 10_000, integer: true }),
  timeoutMs: numberOption({ fallback: 2_000, min: 1, max: 60_000 }),
  onEvent: optional(functionOption()),
  clock: objectOption(['now', 'wallTime', 'setTimer'], systemClock),
}

/** What is particular to a backend. */
export interface SenderInit {
  /** `statsd 127.0.0.1:8125` */
  readonly target: string
  /** Options that have been checked. */
  readonly options: SenderOptions
  /** Everything that is to be sent now, as batches. */
  read(): readonly string[]
  /** Sends a batch; stops when the signal aborts. Rejects where it cannot: with a {@link Refused} where it never will. */
  send(batch: string, signal: AbortSignal): Promise<void>
  /** Lets go of what it holds. */
  end(): void
}

/** Why a batch was refused for good. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

/** Starts to send. */
export function startSender(init: SenderInit): MetricSender {
  const sender = new Sender(init)
  return {
    flush: () => sender.flush(),
    get droppedBytes() {
      return sender.droppedBytes
    },
    close: () => sender.close(),
    [Symbol.asyncDispose]: () => sender.close(),
  }
}

class Sender {
  readonly #init: SenderInit
  readonly #clock: Clock
  readonly #settings: Required<Pick<SenderOptions, 'intervalMs' | 'maxBufferedBytes' | 'timeoutMs' | 'onEvent'>>
  readonly #waiting: string[] = []
  #waitingBytes = 0
  #timer: Timer | undefined
  #sending: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #isFailing = false
  #abort = new AbortController()
  droppedBytes = 0

  constructor(init: SenderInit) {
    const {
      clock = systemClock,
      intervalMs = 0,
      maxBufferedBytes = 0,
      timeoutMs = 0,
      onEvent = reporter(),
    } = init.options
    this.#init = init
    this.#clock = clock
    this.#settings = { intervalMs, maxBufferedBytes, timeoutMs, onEvent }
    this.#arm()
  }

  flush(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing
    this.#read()
    return this.#drain()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#timer?.cancel()
    this.#read()
    const patience = this.#clock.setTimer(() => this.#abort.abort(new Error('closed')), this.#settings.timeoutMs)
    await this.#drain()
    patience.cancel()
    for (const batch of this.#waiting.splice(0)) this.#drop(batch)
    this.#init.end()
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(() => {
      this.#arm()
      void this.flush()
    }, this.#settings.intervalMs)
    this.#timer.keepAlive(false)
  }

  #read(): void {
    for (const batch of this.#init.read()) {
      this.#waiting.push(batch)
      this.#waitingBytes += Buffer.byteLength(batch)
    }
    while (this.#waitingBytes > this.#settings.maxBufferedBytes) this.#drop(this.#shift())
  }

  #shift(): string {
    const batch = this.#waiting.shift() ?? ''
    this.#waitingBytes -= Buffer.byteLength(batch)
    return batch
  }

  /** Sends what waits until nothing does, or one batch cannot be sent. One run at a time: a second caller waits for the first. */
  #drain(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
    return this.#sending
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#abort.signal.aborted) {
      const batch = this.#shift() // out of the way of those that are dropped meanwhile
      try {
        await this.#send(batch)
        if (this.#isFailing) this.#tell({ type: 'recovered', target: this.#init.target })
        this.#isFailing = false
      } catch (error) {
        if (error instanceof Refused) {
          this.#drop(batch, error)
          continue
        }
        this.#waiting.unshift(batch)
        this.#waitingBytes += Buffer.byteLength(batch)
        if (!this.#isFailing) this.#tell({ type: 'failed', target: this.#init.target, error })
        this.#isFailing = true
        return
      }
    }
  }

  async #send(batch: string): Promise<void> {
    const late = new AbortController()
    const { timeoutMs } = this.#settings
    const abort = (): void => late.abort(this.#abort.signal.reason)
    this.#abort.signal.addEventListener('abort', abort)
    const timer = this.#clock.setTimer(() => late.abort(new Error(`it took more than ${timeoutMs} ms`)), timeoutMs)
    timer.keepAlive(this.#closing !== undefined)
    try {
      const aborted = new Promise<never>((_, reject) => {
        late.signal.addEventListener('abort', () => reject(late.signal.reason), { once: true })
      })
      await Promise.race([this.#init.send(batch, late.signal), aborted])
    } finally {
      timer.cancel()
      this.#abort.signal.removeEventListener('abort', abort)
    }
  }

  #drop(batch: string, error?: Error): void {
    const bytes = Buffer.byteLength(batch)
    this.droppedBytes += bytes
    this.#tell({ type: 'dropped', target: this.#init.target, bytes, ...(error !== undefined && { error }) })
  }

  #tell(event: SenderEvent): void {
    observe(this.#settings.onEvent, event)
  }
}

/** Lines on stderr. A server that is gone for days loses a batch at each interval: that is told once. */
function reporter(): (event: SenderEvent) => void {
  let hasTold = false
  return event => {
    const { type, target } = event
    if (type === 'dropped' && hasTold) return
    hasTold = type === 'dropped'
    const what = { failed: 'cannot be sent, and wait', recovered: 'are sent again', dropped: 'were lost' }[type]
    const error = 'error' in event && event.error !== undefined ? `: ${errorText(event.error)}` : ''
    console.error(`tenon: metrics for ${target} ${what}${error}`)
  }
}
