// The logger that programs call, over any sink: levels, bound and computed fields, hiding of secrets. What lines look like
// and where they go is the sink's; pino, a metric or a test is one more sink, or one more implementation of `Logger`.
import { errorText } from '../core/error-text.js'
import { type Clock, type Redaction, type RedactionOptions, redaction, systemClock } from '../core/index.js'
import { type Level, type LogEntry, type LogSink, levels, passes, type Threshold } from './entry.js'
import { plainFields, textOfAny } from './plain-fields.js'

/**
 * What is known beside the message, by name. Any value will do. A function is called for its value, once per line and only
 * if the line's level is on. `undefined` leaves the field out.
 */
export type Fields = Readonly<Record<string, unknown>>

/** Takes messages. No method throws, whatever it is given, and each works without its object: `const { info } = log`. */
export interface Logger {
  /** For whoever looks for a mistake: off in production, as a rule. */
  debug(message: string, fields?: Fields): void
  /** What happened as it should. A caller's own mistake is of this level too. */
  info(message: string, fields?: Fields): void
  /** What works still, or failed because of somebody else, and that somebody should look at in time. */
  warn(message: string, fields?: Fields): void
  /** What failed here and needs somebody now. */
  error(message: string, fields?: Fields): void
  /** A logger that adds `fields` to each line. Fields given later win over those of the same name. */
  with(fields: Fields): Logger
  /** The least important level that is logged. */
  readonly level: Threshold
  /** Whether lines of `level` are logged: for work beyond computed fields that only a line needs. */
  enabled(level: Level): boolean
}

/** Options of {@link loggerOf}. */
export interface EntryOptions extends RedactionOptions {
  /** The least important level that is logged; `'silent'` logs nothing. @defaultValue 'info' */
  readonly level?: Threshold
  /** Fields of every line, such as the service's name. @defaultValue none */
  readonly fields?: Fields
  /** Whether errors come with their stack, and not only with name, message, code and causes. @defaultValue false */
  readonly stacks?: boolean
  /** Its `wallTime` is the time of a line. @defaultValue systemClock */
  readonly clock?: Clock
}

/**
 * Makes a logger of a sink. Throws `TypeError` for an unknown level, and for a name to redact or reveal without letters or
 * digits.
 *
 * @example
 * ```ts
 * import { type Level, loggerOf } from 'tenon/log'
 *
 * const counts = new Map<Level, number>()
 * const log = loggerOf(({ level }) => counts.set(level, (counts.get(level) ?? 0) + 1))
 * log.warn('disk nearly full', { freeBytes: 1_000 })
 * console.assert(counts.get('warn') === 1)
 * ```
 */
export function loggerOf(sink: LogSink, options: EntryOptions = {}): Logger {
  const made = maker(sink, options)
  return made.logger(made.emitTo)
}

/** Takes what one logger is told. */
export type Emit = (level: Level, message: unknown, fields: Fields | undefined) => void

/** What a logger is made of, for one that has a shorter way to its lines than through entries. */
export interface Maker {
  readonly redaction: Redaction
  readonly clock: Clock
  /** Emits entries to the sink, with the fields of `sources` first. */
  emitTo(sources: readonly Fields[]): Emit
  /** Hands something on. What goes wrong with it is reported, once per logger. */
  guarded<T>(take: (given: T) => unknown): (given: T) => void
  /** The logger. `emitTo` is asked for each that is made with further fields. */
  logger(emitTo: (sources: readonly Fields[]) => Emit): Logger
}

/** Checks the options, and throws as {@link loggerOf}. */
export function maker(sink: LogSink, options: EntryOptions): Maker {
  const { level = 'info', fields = {}, stacks = false, clock = systemClock } = options
  if (typeof sink !== 'function') throw new TypeError('logger: a sink is a function')
  if (level !== 'silent' && !levels.includes(level)) throw new TypeError(`logger: there is no level ${String(level)}`)
  const reading = { redaction: redaction(options, 'logger'), stacks }
  const guarded = guard()
  const deliver = guarded((entry: () => LogEntry) => sink(entry()))
  return {
    redaction: reading.redaction,
    clock,
    guarded,
    emitTo: sources => (entryLevel, message, more) =>
      deliver(() => ({
        time: clock.wallTime(),
        level: entryLevel,
        message: reading.redaction.text(textOfAny(message)),
        fields: plainFields(more === undefined ? sources : [...sources, more], reading),
      })),
    logger: emitTo => bound(level, emitTo, [fields]),
  }
}

function off(): void {}

function bound(threshold: Threshold, emitTo: (sources: readonly Fields[]) => Emit, sources: readonly Fields[]): Logger {
  const emit = emitTo(sources)
  const on = {
    debug: passes('debug', threshold),
    info: passes('info', threshold),
    warn: passes('warn', threshold),
    error: passes('error', threshold),
  }
  const at = (level: Level): Logger['info'] => (on[level] ? (message, fields) => emit(level, message, fields) : off)
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: fields => bound(threshold, emitTo, [...sources, fields]),
    level: threshold,
    enabled: level => on[level],
  }
}

// Logging observes: whatever goes wrong with one line, the program goes on, and the next line is tried again.
function guard(): Maker['guarded'] {
  let isReported = false
  const report = (thrown: unknown): void => {
    if (isReported) return
    isReported = true
    try {
      console.error(`tenon: a log line was lost; more may be, this is said once: ${errorText(thrown)}`)
    } catch {
      // Nobody is left to be told.
    }
  }
  return take => given => {
    try {
      const taken = take(given)
      if (taken instanceof Promise) taken.catch(report)
    } catch (thrown) {
      report(thrown)
    }
  }
}
