// Logged values as plain data: what a sink gets, whatever the program gave. JSON's values, and errors, which are structured
// where an entry is kept or sent as JSON and one text where it is printed.

/** JSON's data, and errors. */
export type Plain = null | boolean | number | string | readonly Plain[] | PlainRecord | ErrorData

/** An object of {@link Plain} data. */
export interface PlainRecord {
  readonly [name: string]: Plain
}

/** The optional parts of an {@link ErrorData}. */
export interface ErrorParts {
  /** `ECONNREFUSED` and the like, where the error has one. */
  readonly code?: string | number
  /** Only where stacks were asked for. */
  readonly stack?: string
  /** What caused it. */
  readonly cause?: Plain
  /** Of an `AggregateError`. */
  readonly errors?: readonly Plain[]
}

/** An error that was logged. A class, so that a printer can tell it from an object that happens to have a message. */
export class ErrorData implements ErrorParts {
  /** The class, as a rule: `TypeError`. */
  readonly name: string
  readonly message: string
  declare readonly code?: string | number
  declare readonly stack?: string
  declare readonly cause?: Plain
  declare readonly errors?: readonly Plain[]

  constructor(name: string, message: string, parts: ErrorParts = {}) {
    this.name = name
    this.message = message
    Object.assign(this, parts)
  }

  /** Its stack if that was asked for, else name and message; then its causes. */
  toString(): string {
    const { name, message, code, stack, cause, errors = [] } = this
    const own = stack ?? `${name}${message === '' ? '' : `: ${message}`}${code === undefined ? '' : ` (${code})`}`
    const between = stack === undefined ? '; ' : '\n'
    const causes = [...(cause === undefined ? [] : [cause]), ...errors]
    return [own, ...causes.map(each => `caused by ${textOf(each)}`)].join(between)
  }
}

/** A value as text: of objects and lists their JSON. */
export function textOf(value: Plain): string {
  return typeof value === 'object' && value !== null && !(value instanceof ErrorData)
    ? JSON.stringify(value)
    : String(value)
}
