// A logger over pino, for programs that have one, with its destination, transports and levels. What a line may hold is decided before pino
// sees it: pino escapes what JSON must, and neither line separators nor bidi overrides, and writes a name twice that is given twice.
import type { Logger as Pino } from 'pino'
import { escaped } from '../../core/escape.js'
import { type EntryOptions, type Level, type Logger, levels, loggerOf, type Plain } from '../index.js'
import { ErrorData } from '../plain.js'

/** What is needed of a pino logger, of version 9 or 10. */
export type PinoLogger = Pick<Pino, Level | 'isLevelEnabled' | 'bindings'>

/** Options of {@link fromPino}: those of other loggers, but for what is pino's, level and time. */
export interface PinoOptions extends Omit<EntryOptions, 'level' | 'clock'> {}

/**
 * A {@link Logger} that writes through pino, at the levels that pino has at the time. Secrets are hidden, and control characters escaped, as in
 * lines of our own; so `\n` in a message is written as a backslash and an n. A field that has the name of one of pino's own, or of its
 * bindings, gets `_` appended. Throws `TypeError` for what is no pino logger, and for names to redact that are none.
 *
 * @example
 * ```ts
 * import { pino } from 'pino'
 * import { fromPino } from 'tenon/log/pino'
 *
 * const log = fromPino(pino({ name: 'shop' }))
 * log.info('order placed', { order: 7, token: 'abc' }) // {"level":30,…,"order":7,"token":"[redacted]","msg":"order placed"}
 * ```
 */
export function fromPino(pino: PinoLogger, options: PinoOptions = {}): Logger {
  if (typeof pino?.isLevelEnabled !== 'function') throw new TypeError('fromPino: needs a pino logger')
  const taken = ownNames(pino)
  const entries = loggerOf(
    ({ level, message, fields }) => {
      const safe = new Map<string, unknown>()
      for (const [name, value] of Object.entries(fields)) safe.set(unique(escaped(name), taken, safe), safeValue(value))
      pino[level](Object.fromEntries(safe), escaped(message))
    },
    { ...options, level: 'debug' },
  )
  return atLevelsOf(pino, entries)
}

function atLevelsOf(pino: PinoLogger, entries: Logger): Logger {
  const at =
    (level: Level): Logger['info'] =>
    (message, fields) => {
      if (pino.isLevelEnabled(level)) entries[level](message, fields)
    }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: fields => atLevelsOf(pino, entries.with(fields)),
    get level() {
      return levels.find(level => pino.isLevelEnabled(level)) ?? 'silent'
    },
    enabled: level => pino.isLevelEnabled(level),
  }
}

/** The names that pino writes by itself. */
function ownNames(pino: PinoLogger): ReadonlySet<string> {
  const names = new Set(['level', 'time', 'msg', 'pid', 'hostname', ...Object.keys(pino.bindings())])
  // Where `messageKey` is another one, only a symbol of pino's knows.
  for (let each: unknown = pino; typeof each === 'object' && each !== null; each = Object.getPrototypeOf(each)) {
    for (const symbol of Object.getOwnPropertySymbols(each)) {
      const key: unknown = symbol.description === 'pino.messageKey' ? Reflect.get(pino, symbol) : undefined
      if (typeof key === 'string') names.add(key)
    }
  }
  return names
}

function unique(name: string, taken: ReadonlySet<string>, within: ReadonlyMap<string, unknown>): string {
  let unique = name
  while (taken.has(unique) || within.has(unique)) unique += '_'
  return unique
}

function safeValue(value: Plain): unknown {
  if (typeof value === 'string') return escaped(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(safeValue)
  const safe = Object.entries(value).map(([name, each]) => [
    escaped(name),
    name === 'stack' && value instanceof ErrorData ? safeStack(each) : safeValue(each),
  ])
  return Object.fromEntries(safe)
}

/** Whoever prints a stack indents its lines. */
function safeStack(stack: unknown): string {
  return String(stack).split('\n').map(escaped).join('\n')
}
