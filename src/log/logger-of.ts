// The logger that programs call, over any sink: levels, bound and computed fields, hiding of secrets. What lines look like
// and where they go is the sink's; pino, a metric or a test is one more sink, or one more implementation of `Logger`.
import { type Clock, type RedactionOptions, redaction, systemClock } from '../core/index.js'
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
  const { level = 'info', fields = {}, stacks = false, clock = systemClock } = options
  if (typeof sink !== 'function') throw new TypeError('logger: a sink is a function')
  if (level !== 'silent' && !levels.includes(level)) throw new TypeError(`logger: there is no level ${String(level)}`)
  const reading = { redaction: redaction(options, 'logger'), stacks }
  const deliver = guarded(sink)
  const emit = (entryLevel: Level, message: unknown, sources: readonly Fields[]): void =>
    deliver(() => ({
      time: clock.wallTime(),
      level: entryLevel,
      message: reading.redaction.text(textOfAny(message)),
      fields: plainFields(sources, reading),
    }))
  return bound(level, emit, [fields])
}

type Emit = (level: Level, message: unknown, sources: readonly Fields[]) => void

function off(): void {}

function bound(threshold: Threshold, emit: Emit, sources: readonly Fields[]): Logger {
  const at = (level: Level): Logger['info'] =>
    passes(level, threshold)
      ? (message, fields) => emit(level, message, fields === undefined ? sources : [...sources, fields])
      : off
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: fields => bound(threshold, emit, [...sources, fields]),
    level: threshold,
    enabled: level => passes(level, threshold),
  }
}

// Logging observes: whatever goes wrong with one line, the program goes on, and the next line is tried again.
function guarded(sink: LogSink): (entry: () => LogEntry) => void {
  let isReported = false
  const report = (thrown: unknown): void => {
    if (isReported) return
    isReported = true
    try {
      console.error('tenon: a log line was lost; more may be, this is said once:', thrown)
    } catch {
      // Nobody is left to be told.
    }
  }
  return entry => {
    try {
      const written: unknown = sink(entry())
      if (written instanceof Promise) written.catch(report)
    } catch (thrown) {
      report(thrown)
    }
  }
}
