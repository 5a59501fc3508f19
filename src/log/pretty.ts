// Lines for people at a terminal: coloured, without quotes around the message, stacks below. Not for machines, but as hard
// to forge as the others.

import { escaped, escapedJson } from '../core/escape.js'
import type { Level, LogEntry } from './entry.js'
import { type Formatter, logfmtNotation } from './format.js'
import { type Notation, Pairs } from './pairs.js'
import { ErrorData, type Plain } from './plain.js'
import { timeText } from './time-text.js'

const colourOf: Readonly<Record<Level, number>> = { debug: 90, info: 32, warn: 33, error: 31 }

/** For people. @param coloured - with ANSI colours */
export function pretty(coloured: boolean): Formatter {
  const paint = (code: number, text: string): string => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text)
  const notation: Notation = {
    ...logfmtNotation,
    label: name => paint(36, `${name}=`),
    // Nobody parses it: lists and objects are easier to read without quotes around their quotes.
    value: value =>
      typeof value === 'object' && value !== null && !(value instanceof ErrorData)
        ? escapedJson(JSON.stringify(value))
        : logfmtNotation.value(value),
  }
  return (entry, maxLength) => {
    const { level } = entry
    const time = paint(2, timeText(entry.time).slice(11))
    const start = `${time} ${paint(colourOf[level], level.toUpperCase().padEnd(5))} `
    const message = shortened(escaped(entry.message), Math.floor((maxLength - start.length) / 2))
    const room = maxLength - start.length - message.length - 1
    const pairs = new Pairs(notation, room)
      .fields(Object.entries(entry.fields).filter(([, value]) => !hasStack(value)))
      .end()
    const line = `${start}${message}${pairs === '' ? '' : ` ${pairs}`}`
    return line + stacks(entry, maxLength - line.length)
  }
}

// Indented, so that no line of a stack, whose text may come from a request, looks like an entry.
function stacks({ fields }: LogEntry, room: number): string {
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    hasStack(value) ? `${name}: ${value}`.split('\n').map(line => `\n    ${escaped(line)}`) : [],
  )
  return shortened(lines.join(''), room)
}

function shortened(text: string, room: number): string {
  if (text.length <= room) return text
  return room < 1 ? '' : `${text.slice(0, room - 1).replace(/[\ud800-\udbff]$/, '')}…`
}

function hasStack(value: Plain): value is ErrorData {
  return value instanceof ErrorData && value.stack !== undefined
}
