// Hystrix's event stream, so that the dashboards and aggregators that a company has go on working. It lies beside the policies since it
// shares their windows; it needs nothing of them but their options, their state and their events.
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  around,
  type Clock,
  type Middleware,
  numberOption,
  type OptionRules,
  objectOption,
  type PolicyEvent,
  systemClock,
} from '../../core/index.js'
import { checkedOptions } from '../../core/option-rules.js'
import { Command, type CommandKey, type CommandOptions, type Counted } from './command.js'
import { fieldsOf } from './command-fields.js'
import { Reader } from './reader.js'

/** Options of {@link hystrixStream}. */
export interface HystrixStreamOptions {
  /** How often a reader gets everything, in ms, unless it asks with `?delay=`: 100 to 60 000. @defaultValue 500 */
  readonly intervalMs?: number
  /** How many may read at once; more get 503. Whole, 1 or more. @defaultValue 5, as Hystrix has it */
  readonly maxReaders?: number
  /** How many commands there may be; calls of more are not recorded, and `leftOut` counts them. Whole, 1 or more. @defaultValue 1 000 */
  readonly maxCommands?: number
  /** For the intervals and `currentTime`. @defaultValue systemClock */
  readonly clock?: Clock
}

/** A listener for node:http, or a handler for Express, that streams what the commands do. Made by {@link hystrixStream}. */
export interface HystrixStream {
  (request: Pick<IncomingMessage, 'method' | 'url'>, response: ServerResponse): void
  /**
   * A middleware that records the calls through it as those of a command. It belongs inside `fallback` and `cache` and outside
   * everything that refuses or bounds (`retry`, `breaker`, `bulkhead`, `timeout`): so it sees each call once, and how it really ended.
   */
  command(options?: CommandOptions): Middleware
  /** How many read now. */
  readonly readers: number
  /** How many calls were not recorded, since there were too many commands. */
  readonly leftOut: number
  /** Ends the streams of all readers. Recording goes on, and so may new readers. */
  close(): void
}

/**
 * Makes a Hystrix stream: `text/event-stream` with a `HystrixCommand` for each command every `intervalMs`, and a `ping` where there is
 * none yet. A command appears with its first call. Throws `TypeError` and `RangeError` for options that make no sense.
 *
 * A reader that is slow misses rounds, and one that takes nothing for half a minute is let go. Anybody who reaches it can read it.
 *
 * @example
 * ```ts no-run
 * import { createServer } from 'node:http'
 * import { chain } from 'tenon'
 * import { breaker, timeout } from 'tenon/middleware'
 * import { hystrixStream } from 'tenon/middleware/hystrix'
 *
 * const hystrix = hystrixStream()
 * const circuit = breaker()
 * const bounded = timeout({ timeoutMs: 500 })
 * const stack = chain(hystrix.command({ name: 'getStock', breaker: circuit, timeout: bounded }), circuit, bounded)
 * createServer(hystrix).listen(8081)
 * ```
 */
export function hystrixStream(options: HystrixStreamOptions = {}): HystrixStream {
  const stream = new Stream(checkedOptions('hystrixStream', rules, { base: undefined, given: options }))
  const listener = (request: Pick<IncomingMessage, 'method' | 'url'>, response: ServerResponse): void =>
    stream.serve(request, response)
  const own = {
    command: (of: CommandOptions = {}) => stream.command(of),
    close: () => stream.close(),
  }
  Object.defineProperty(listener, 'readers', { get: () => stream.readers })
  Object.defineProperty(listener, 'leftOut', { get: () => stream.leftOut })
  return Object.assign(listener, own) as HystrixStream // with the two getters
}

const delays = { min: 100, max: 60_000 } as const

const rules: OptionRules<HystrixStreamOptions> = {
  intervalMs: numberOption({ fallback: 500, ...delays }),
  maxReaders: numberOption({ fallback: 5, min: 1, integer: true }),
  maxCommands: numberOption({ fallback: 1_000, min: 1, integer: true }),
  clock: objectOption(['now', 'wallTime', 'setTimer'], systemClock),
}

class Stream {
  readonly #intervalMs: number
  readonly #maxReaders: number
  readonly #maxCommands: number
  readonly #clock: Clock
  readonly #commands: Map<string, Command> = new Map()
  readonly #readers: Set<Reader> = new Set()
  leftOut = 0

  constructor({ intervalMs = 0, maxReaders = 0, maxCommands = 0, clock = systemClock }: HystrixStreamOptions) {
    this.#intervalMs = intervalMs
    this.#maxReaders = maxReaders
    this.#maxCommands = maxCommands
    this.#clock = clock
  }

  get readers(): number {
    return this.#readers.size
  }

  command(options: CommandOptions): Middleware {
    this.#listen(options)
    return around<Call | undefined>(method => {
      const key = keyOf(options, method && `${method.service}/${method.name}`)
      return {
        name: 'hystrix',
        options: { ...key },
        enter: context => {
          const command = this.#find(key, options)
          if (command === undefined) {
            this.leftOut++
            return undefined
          }
          return { state: { command, startedAt: command.began(context.clock) } }
        },
        exit: (outcome, call) => call?.command.ended(outcome, call.startedAt),
        settled: call => {
          if (call !== undefined) call.command.running--
        },
      }
    })
  }

  serve(request: Pick<IncomingMessage, 'method' | 'url'>, response: ServerResponse): void {
    if (response.destroyed) return // nobody would be told that this reader has left
    const delayMs = this.#delayAsked(request.url ?? '/')
    if (request.method !== 'GET') refuse(response, 405, 'only GET')
    else if (!(delayMs >= delays.min && delayMs <= delays.max))
      refuse(response, 400, `delay must be from ${delays.min} to ${delays.max} ms`)
    else if (this.#readers.size >= this.#maxReaders)
      refuse(response, 503, `MaxConcurrentConnections reached: ${this.#maxReaders}`)
    else this.#add(response, delayMs)
  }

  #delayAsked(url: string): number {
    const query = url.indexOf('?')
    const asked = new URLSearchParams(query === -1 ? '' : url.slice(query)).get('delay')
    return asked === null ? this.#intervalMs : Number(asked)
  }

  #add(response: ServerResponse, delayMs: number): void {
    const reader: Reader = new Reader({
      response,
      clock: this.#clock,
      delayMs,
      read: () => this.#read(),
      onLeft: () => this.#readers.delete(reader),
    })
    this.#readers.add(reader)
    reader.start()
  }

  close(): void {
    for (const reader of this.#readers) reader.close()
  }

  #read(): string {
    const currentTime = this.#clock.wallTime()
    let text = ''
    for (const command of this.#commands.values()) text += `data: ${JSON.stringify(fieldsOf(command, currentTime))}\n\n`
    return text === '' ? 'ping: \n\n' : text
  }

  #find(key: CommandKey, options: CommandOptions): Command | undefined {
    let command = this.#commands.get(key.name)
    if (command === undefined && this.#commands.size < this.#maxCommands) {
      command = new Command(key, options)
      this.#commands.set(key.name, command)
    }
    return command
  }

  /** Counts what policies tell that no outcome shows. */
  #listen(options: CommandOptions): void {
    const listener = (event: PolicyEvent): void => {
      const what = countedBy(event)
      const key = keyOf(options, event.method)
      const command = what === undefined ? undefined : this.#find(key, options)
      if (what === undefined || command === undefined) return
      const times = 'size' in event && typeof event.size === 'number' ? event.size : 1
      for (let i = 0; i < times; i++) command.count(what)
      if (what === 'FallbackFailure') command.count('ExceptionsThrown')
    }
    for (const policy of [options.fallback, options.cache, options.collapse]) policy?.onEvent(listener)
  }
}

interface Call {
  readonly command: Command
  readonly startedAt: number
}

/** @param method - `service/method` */
function keyOf({ name, group }: CommandOptions, method: string | undefined): CommandKey {
  const service = method?.slice(0, method.lastIndexOf('/'))
  return { name: name ?? method ?? 'unknown', group: group ?? service ?? 'default' }
}

function countedBy({ kind, type }: PolicyEvent): Counted | undefined {
  if (kind === 'fallback') return type === 'fell-back' ? 'FallbackSuccess' : 'FallbackFailure'
  if (kind === 'cache') return type === 'hit' || type === 'stale' ? 'ResponsesFromCache' : undefined
  return kind === 'collapse' ? 'CollapsedRequests' : undefined
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain', ...(status === 405 && { allow: 'GET' }) }).end(text)
}
