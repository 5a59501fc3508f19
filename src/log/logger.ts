// The logger of a program: `loggerOf` over a sink that writes lines.
import type { LogSink } from './entry.js'
import { type Format, type Formatter, json, logfmt } from './format.js'
import { type EntryOptions, type Logger, maker } from './logger-of.js'
import { pretty } from './pretty.js'
import { QuickJson } from './quick-json.js'
import { batchToStdout, isTerminal, lineToStdout, takesColours } from './stdout.js'

/** Options of {@link lineSink}. */
export interface LineOptions {
  /**
   * How a line is written. `'pretty'` is coloured unless the environment has `NO_COLOR`.
   * @defaultValue 'pretty' when lines go to a terminal that takes colours, else 'logfmt'
   */
  readonly format?: Format
  /**
   * Takes each line, without a line break at its end. May throw or reject: that line is lost, which is reported once.
   * @defaultValue stdout, JSON in a {@link batch} that all loggers share; the console where there is none
   */
  readonly write?: (line: string) => void
  /**
   * The longest line, in UTF-16 units (what `length` counts); at least 256. Of a longer one, values are cut or left out, and
   * `truncated` says how many: it still parses.
   * @defaultValue 16 000, since container runtimes split lines at 16 KiB
   */
  readonly maxLineLength?: number
}

/** Options of {@link logger}. */
export interface LoggerOptions extends EntryOptions, LineOptions {}

const shortestLine = 256

/**
 * A sink that writes each entry as a line. Throws `TypeError` for an unknown format and `RangeError` for a `maxLineLength`
 * that is no integer or below 256.
 */
export function lineSink(options: LineOptions = {}): LogSink {
  const { format, write, maxLineLength } = writing(options)
  const formatted = formatterOf(format)
  return entry => write(formatted(entry, maxLineLength))
}

function writing(options: LineOptions): Required<LineOptions> {
  const { maxLineLength = 16_000 } = options
  const { format = options.write === undefined && isTerminal() && takesColours() ? 'pretty' : 'logfmt' } = options
  if (!Number.isInteger(maxLineLength) || maxLineLength < shortestLine)
    throw new RangeError(`logger: maxLineLength must be an integer of at least ${shortestLine}, got ${maxLineLength}`)
  if (options.write !== undefined && typeof options.write !== 'function')
    throw new TypeError('logger: write must be a function')
  const write = options.write ?? (format === 'json' ? batchToStdout() : lineToStdout())
  return { format, write, maxLineLength }
}

function formatterOf(format: Format): Formatter {
  switch (format) {
    case 'logfmt':
      return logfmt
    case 'json':
      return json
    case 'pretty':
      return pretty(takesColours())
    default:
      throw new TypeError(`logger: there is no format ${String(format)}`)
  }
}

/**
 * Makes a logger that writes lines. Throws as {@link lineSink} and `loggerOf` do; its methods never do.
 *
 * @example
 * ```ts
 * import { logger } from 'tenon/log'
 *
 * const lines: string[] = []
 * const log = logger({ write: line => lines.push(line), fields: { service: 'shop' } })
 * log.info('order placed', { sku: 'tea 1', token: 'abc' })
 * console.assert(lines[0]?.endsWith('message="order placed" service=shop sku="tea 1" token=[redacted]'))
 * ```
 */
export function logger(options: LoggerOptions = {}): Logger {
  const { format, write, maxLineLength } = writing(options)
  const made = maker(lineSink({ format, write, maxLineLength }), options)
  if (format !== 'json') return made.logger(made.emitTo)
  const quick = new QuickJson(made.redaction, maxLineLength)
  const deliver = made.guarded(write)
  return made.logger(sources => {
    const lineOf = quick.lines(sources)
    const thoroughly = made.emitTo(sources)
    return (level, message, fields) => {
      let line: string | undefined
      try {
        line = lineOf(made.clock.wallTime(), level, message, fields)
      } catch {
        // The thorough way knows what to do about it.
      }
      if (line === undefined) thoroughly(level, message, fields)
      else deliver(line)
    }
  })
}
