// The ways to write an entry as a line. Each escapes what it writes: no field and no message can make a second line, a
// second field, or a terminal sequence.

import { escapedJson, quoted } from '../core/escape.js'
import type { LogEntry } from './entry.js'
import { type Notation, Pairs } from './pairs.js'
import { textOf } from './plain.js'
import { timeText } from './time-text.js'

/**
 * - `logfmt`: `time=… level=info message="order placed" sku=tea-1`, for machines and people.
 * - `json`: one JSON object with `time`, `level`, `message` and the fields.
 * - `pretty`: for a terminal, coloured; stacks of errors on lines of their own, indented.
 */
export type Format = 'logfmt' | 'json' | 'pretty'

/** Writes an entry in at most `maxLength` characters, without a line break at its end. */
export type Formatter = (entry: LogEntry, maxLength: number) => string

const needsNoQuotes = /^[!#-<>-[\]-~]+$/ // printable ASCII but space, quote, `=` and backslash
const logfmtText = (text: string): string => (needsNoQuotes.test(text) ? text : quoted(text))

/** `name=value`, as go-logfmt writes it. */
export const logfmtNotation: Notation = {
  between: ' ',
  name: name => name.replace(/[^!#-<>-[\]-~]/gu, '_') || '_',
  label: name => `${name}=`,
  value: value => logfmtText(textOf(value)),
  text: logfmtText,
}

const jsonNotation: Notation = {
  between: ',',
  name: name => name,
  label: name => `${quoted(name)}:`,
  value: value => escapedJson(JSON.stringify(value)),
  text: quoted,
}

/** go-logfmt's notation: values in quotes as JSON strings; in names, whatever would need quotes becomes `_`. */
export const logfmt: Formatter = (entry, maxLength) => head(logfmtNotation, entry, maxLength).end()

/** One JSON object. */
export const json: Formatter = (entry, maxLength) => `{${head(jsonNotation, entry, maxLength - 2).end()}}`

function head(notation: Notation, entry: LogEntry, room: number): Pairs {
  return new Pairs(notation, room)
    .own('time', timeText(entry.time))
    .own('level', entry.level)
    .own('message', entry.message, Math.floor(room / 2)) // so that the fields are not driven out
    .fields(Object.entries(entry.fields))
}
