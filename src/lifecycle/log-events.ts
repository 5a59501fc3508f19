// Lifecycle events as lines of a log. Apart from `serve`, which knows no logger: any object with three methods will do.
import { escapedJson, quoted } from '../core/escape.js'
import { redactedText } from '../core/index.js'
import type { LifecycleEvent, OnLifecycleEvent } from './event.js'

/** Writes a message with fields. `tenon/log`'s loggers fit, and `console` does. */
export type WriteLog = (message: string, fields: Readonly<Record<string, unknown>>) => void

/** What {@link logEvents} needs of a logger. */
export interface EventLog {
  /** What goes as it should. */
  readonly info: WriteLog
  /** What somebody should look at: calls cut off, a process that did not end by itself, a check that fails. */
  readonly warn: WriteLog
  /** What went wrong here: a resource that could not be closed. */
  readonly error: WriteLog
}

/**
 * An `onEvent` that writes each event as one line.
 *
 * @example
 * ```ts
 * import { logEvents } from 'tenon/lifecycle'
 *
 * const lines: string[] = []
 * const write = (message: string) => void lines.push(message)
 * const onEvent = logEvents({ info: write, warn: write, error: write })
 * onEvent({ type: 'listening', binding: 'http', addresses: ['http://127.0.0.1:8080'] })
 * console.assert(lines[0] === 'listening')
 * ```
 */
export function logEvents(log: EventLog): OnLifecycleEvent {
  return event => {
    const { type, ...fields } = event
    log[levels[type]](texts[type], fields)
  }
}

/** The default `onEvent`: problems, each as one line on stderr. */
export const reportProblems: OnLifecycleEvent = event => {
  if (levels[event.type] === 'info') return
  const { type, ...fields } = event
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${textOf(value)}`)
  console.error(`tenon: ${texts[type]}: ${pairs.join(' ')}`)
}

function textOf(value: unknown): string {
  if (value instanceof Error) return quoted(redactedText(`${value.name}: ${value.message}`))
  if (typeof value === 'string') return /^[\w-]+$/.test(value) ? value : quoted(redactedText(value))
  return escapedJson(redactedText(JSON.stringify(value) ?? String(value)))
}

type EventType = LifecycleEvent['type']

const levels: Readonly<Record<EventType, keyof EventLog>> = {
  finding: 'warn',
  listening: 'info',
  started: 'info',
  'check-failed': 'warn',
  'check-recovered': 'info',
  draining: 'info',
  'stopped-accepting': 'info',
  drained: 'info',
  forced: 'warn',
  'close-failed': 'error',
  stopped: 'info',
  'kept-alive': 'warn',
}

const texts: Readonly<Record<EventType, string>> = {
  finding: 'a stack that is known to go wrong',
  listening: 'listening',
  started: 'started',
  'check-failed': 'readiness check failed',
  'check-recovered': 'readiness check passes again',
  draining: 'draining: not ready any more',
  'stopped-accepting': 'stopped accepting calls',
  drained: 'calls in flight have ended',
  forced: 'calls in flight were cut off',
  'close-failed': 'could not be closed',
  stopped: 'stopped',
  'kept-alive': 'the process was ended: something was left open',
}
