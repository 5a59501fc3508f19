// "tenon/log": a small logger whose lines cannot be forged and show no secrets, and the port that others plug into.
export { type Level, type LogEntry, type LogSink, levels, type Threshold } from './entry.js'
export type { Format } from './format.js'
export { type LineOptions, type LoggerOptions, lineSink, logger } from './logger.js'
export { type EntryOptions, type Fields, type Logger, loggerOf } from './logger-of.js'
export { type MemoryLogger, memoryLogger } from './memory-logger.js'
export { ErrorData, type ErrorParts, type Plain, type PlainRecord } from './plain.js'
export { silent } from './silent.js'
