// A logger for whoever wants none: it computes nothing.
import { type Logger, loggerOf } from './logger-of.js'

/** Logs nothing. */
export const silent: Logger = loggerOf(() => {}, { level: 'silent' })
