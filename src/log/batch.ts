// Lines written many at a time: one system call costs as much as making five lines. What is held back is bounded, and written when the
// process ends, in whatever way it can still notice; only SIGKILL, a crash of Node itself and a loss of power take it away.
import { type Clock, systemClock, type Timer } from '../core/index.js'
import { type Holder, hold, letGo } from './at-exit.js'
import { descriptorWriter, runtime } from './runtime.js'

/** Options of {@link batch}. */
export interface BatchOptions {
  /** Where lines go: an open file, pipe or terminal. Stays open. @defaultValue 1, stdout */
  readonly fd?: number
  /** Lines are written when they have so many characters together, and one by one at 1. Integer ≥ 1. @defaultValue 4_096 */
  readonly batchLength?: number
  /** A line waits no longer than this, in ms, where the process is not busy. In (0, 60 000]. @defaultValue 100 */
  readonly flushMs?: number
  /**
   * The most that waits for a reader who is too slow, in bytes. What does not fit is dropped, whole lines, and counted: a log that nobody
   * reads must not stop the service, nor fill its memory. A single line may be longer. From 65 536 on. @defaultValue 4_194_304 (4 MiB)
   */
  readonly maxBytes?: number
  /**
   * How long the end of the process may wait for such a reader, in ms; what is left then is lost, which is said on stderr.
   * In [0, 60 000]. @defaultValue 3_000
   */
  readonly exitWaitMs?: number
  /**
   * Told how many lines were dropped, once there is room again: `dropped => log.warn('lines were dropped', { dropped })`.
   * @defaultValue one report on stderr
   */
  readonly onDropped?: (lines: number) => void
  /** Times {@link flushMs}. @defaultValue systemClock */
  readonly clock?: Clock
}

/** Takes lines and writes many at a time. */
export interface Batch extends AsyncDisposable {
  /** Takes a line without its line break. Never throws and never waits. Works without its object: `logger({ write: lines.write })`. */
  write(line: string): void
  /** Writes what there is, as far as there is room for it. */
  flush(): void
  /** How many lines were dropped or lost until now. */
  readonly dropped: number
  /** {@link flush}, and waits up to `exitWaitMs` for a slow reader. Lines that come later are written at once. Never rejects. */
  close(): Promise<void>
  /** {@link Batch.close}: for `await using` and for `resources` of `serve`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** How long to leave a full pipe alone, in ms. */
const retryMs = 10
/** How many characters come together at least while it is. */
const slowLength = 4_096

/**
 * Makes a batch. Writing is synchronous, so that nothing is under way when the process ends, except that a full pipe is left alone
 * until there is room. Throws `TypeError` where there are no file descriptors (browsers, edge runtimes), and `RangeError` for an option
 * out of range.
 *
 * @example
 * ```ts
 * import { batch, logger } from 'tenon/log'
 *
 * await using lines = batch({ fd: 1, flushMs: 50 })
 * const log = logger({ format: 'json', write: lines.write })
 * log.info('started')
 * ```
 */
export function batch(options: BatchOptions = {}): Batch {
  return new LineBatch(options)
}

interface Chunk {
  readonly bytes: Uint8Array
  readonly lines: number
}

class LineBatch implements Batch, Holder {
  readonly #fd: number
  readonly #batchLength: number
  readonly #flushMs: number
  readonly #maxBytes: number
  readonly #exitWaitMs: number
  readonly #onDropped: (lines: number) => void
  readonly #clock: Clock
  readonly #writeTo: NonNullable<ReturnType<typeof descriptorWriter>>
  readonly #buffer: Buffer
  #text = ''
  #lines = 0
  /** What did not fit into a full pipe, oldest first. */
  #waiting: Chunk[] = []
  #waitingBytes = 0
  #timer: Timer | undefined
  #dropped = 0
  #told = 0
  #isReported = false
  #isClosed = false
  /** What was written last ended a line. */
  #isWhole = true
  /** A line was cut off by an error: what comes next must not be taken for its end. */
  #isTorn = false
  /** Of the process: on `performance.now()`. */
  #endsAt: number | undefined

  constructor(options: BatchOptions) {
    const { onDropped = reportDropped, clock = systemClock } = options
    const writeTo = descriptorWriter()
    if (writeTo === undefined) throw new TypeError('batch: there are no file descriptors here')
    this.#writeTo = writeTo
    this.#fd = checked('fd', options.fd ?? 1, 0, 2 ** 31 - 1)
    this.#batchLength = checked('batchLength', options.batchLength ?? 4_096, 1, 2 ** 24)
    this.#flushMs = checked('flushMs', options.flushMs ?? 100, 1, 60_000)
    this.#maxBytes = checked('maxBytes', options.maxBytes ?? 4 << 20, 1 << 16, 2 ** 31 - 1)
    this.#exitWaitMs = checked('exitWaitMs', options.exitWaitMs ?? 3_000, 0, 60_000)
    this.#onDropped = onDropped
    this.#clock = clock
    this.#buffer = Buffer.allocUnsafe(4 * this.#batchLength)
    // Looking at them has Node make their pipes such that a full one says so, rather than stopping the process.
    if (this.#fd === 1) void runtime?.stdout
    if (this.#fd === 2) void runtime?.stderr
    if (this.#batchLength > 1) hold(this)
  }

  readonly write = (line: string): void => {
    if (this.#waitingBytes > 0 && this.#waitingBytes + 3 * (this.#text.length + line.length + 1) > this.#maxBytes) {
      this.#dropped++
      return
    }
    this.#text += `${line}\n`
    this.#lines++
    const enough = this.#waitingBytes > 0 ? Math.max(slowLength, this.#batchLength) : this.#batchLength
    if (this.#endsAt !== undefined) this.end()
    else if (this.#text.length >= enough || this.#isClosed) this.flush()
    else if (this.#timer === undefined) this.#setTimer(this.#flushMs)
  }

  get dropped(): number {
    return this.#dropped
  }

  flush(): void {
    if (this.#lines > 0) this.#writeText()
    else if (this.#waitingBytes > 0) this.#writeWaiting()
    if (this.#waitingBytes > 0) {
      this.#timer?.cancel()
      this.#setTimer(retryMs)
    } else if (this.#holdsNothingBack) letGo(this)
  }

  /** But for what waits for a slow reader. */
  get #holdsNothingBack(): boolean {
    return this.#isClosed || this.#batchLength === 1
  }

  #setTimer(delayMs: number): void {
    this.#timer = this.#clock.setTimer(() => {
      this.#timer = undefined
      this.flush()
    }, delayMs)
    this.#timer.keepAlive(false)
  }

  #writeText(): void {
    const [text, lines] = [this.#text, this.#lines]
    this.#text = ''
    this.#lines = 0
    const fits = 3 * text.length <= this.#buffer.length
    const bytes = fits ? this.#buffer.subarray(0, this.#buffer.write(text)) : Buffer.from(text)
    const done =
      this.#waitingBytes > 0
        ? this.#writeWaiting()
          ? this.#writeBytes(bytes, lines)
          : 0
        : this.#writeBytes(bytes, lines)
    if (done < bytes.length) this.#keep(bytes.subarray(done), lines)
  }

  #keep(rest: Uint8Array, lines: number): void {
    this.#waiting.push({ bytes: Uint8Array.from(rest), lines })
    this.#waitingBytes += rest.length
    if (this.#holdsNothingBack) hold(this) // until it is written
  }

  /** Whether nothing waits any more. */
  #writeWaiting(): boolean {
    for (let chunk = this.#waiting[0]; chunk !== undefined; chunk = this.#waiting[0]) {
      const done = this.#writeBytes(chunk.bytes, chunk.lines)
      this.#waitingBytes -= done
      if (done < chunk.bytes.length) {
        this.#waiting[0] = { bytes: chunk.bytes.subarray(done), lines: chunk.lines }
        return false
      }
      this.#waiting.shift()
    }
    return true
  }

  /** Writes as much as there is room for, and says how much that was. What cannot be written at all counts as done, and as dropped. */
  #writeBytes(bytes: Uint8Array, lines: number): number {
    let done = 0
    try {
      if (this.#isTorn) this.#writeTo(this.#fd, lineBreak, 0, 1)
      this.#isTorn = false
      while (done < bytes.length) {
        done += this.#writeTo(this.#fd, bytes, done, bytes.length - done)
        this.#isWhole = bytes[done - 1] === lineBreak[0]
      }
      this.#isReported = false
      if (this.#dropped > this.#told) this.#tellDropped()
    } catch (error) {
      if (isFull(error)) return done
      this.#isTorn ||= !this.#isWhole
      this.#isWhole = true
      const lost = Math.min(lines, lineBreaksIn(bytes.subarray(done)))
      this.#dropped += lost
      this.#told += lost // by what follows
      if (!this.#isReported) report(`fd ${this.#fd} does not take log lines any more:`, error)
      this.#isReported = true
    }
    return bytes.length
  }

  #tellDropped(): void {
    const lines = this.#dropped - this.#told
    this.#told = this.#dropped
    try {
      this.#onDropped(lines)
    } catch (thrown) {
      report('onDropped threw:', thrown)
    }
  }

  end(): void {
    this.#isClosed = true
    this.#endsAt ??= performance.now() + this.#exitWaitMs // whatever the clock: nothing else runs any more
    this.flush()
    while (this.#waitingBytes > 0 && performance.now() < this.#endsAt) {
      sleep(retryMs)
      this.flush()
    }
    this.#timer?.cancel()
    this.#giveUp()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.flush()
    for (let waitedMs = 0; this.#waitingBytes > 0 && waitedMs < this.#exitWaitMs; waitedMs += retryMs) {
      await new Promise<void>(resolve => this.#clock.setTimer(resolve, retryMs))
      this.flush()
    }
    this.#timer?.cancel()
    this.#giveUp()
    letGo(this)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #giveUp(): void {
    for (const { lines } of this.#waiting) this.#dropped += lines
    this.#waiting = []
    this.#waitingBytes = 0
    if (this.#dropped > this.#told) reportDropped(this.#dropped - this.#told)
    this.#told = this.#dropped
  }
}

function checked(name: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new RangeError(`batch: ${name} must be an integer in [${min}, ${max}], got ${value}`)
  return value
}

const lineBreak: Uint8Array = Uint8Array.of(10)

function lineBreaksIn(bytes: Uint8Array): number {
  let count = 0
  for (const byte of bytes) if (byte === 10) count++
  return count
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN'
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

function reportDropped(lines: number): void {
  report(`${lines} log lines were dropped: nobody took them`)
}

function report(...what: readonly unknown[]): void {
  try {
    console.error(`tenon: ${String(what[0])}`, ...what.slice(1))
  } catch {
    // Nobody is left to be told.
  }
}
