// Turns whatever a program logs into plain, finite data without secrets. Values come from anywhere (requests, libraries,
// proxies), so nothing about them is trusted: not that they end, not that reading them works.
import type { Redaction } from '../core/index.js'
import { redacted } from '../core/redaction.js'
import { ErrorData, type Plain, type PlainRecord } from './plain.js'

/** How values are read. */
export interface Reading {
  readonly redaction: Redaction
  /** Whether errors keep their stack. */
  readonly stacks: boolean
}

const unreadable = '[unreadable]'
// Enough for what a person reads; a request body with a million items must not stop the process.
const maxValues = 1_000
const maxDepth = 8
// A name that is a token is longer than those that programs have.
const longName = 20

/**
 * The fields of one entry as plain data; later sources win. A function is called for the value, unless that is hidden.
 * `undefined` leaves a field out. Never throws.
 */
export function plainFields(sources: readonly unknown[], reading: Reading): PlainRecord {
  const values = new Map<string, unknown>()
  for (const source of sources) {
    if (typeof source !== 'object' || source === null) continue
    for (const [name, value] of propertiesOf(source)) values.set(name, value)
  }
  const reader = new Reader(reading)
  return reader.record(values.entries(), value => (typeof value === 'function' ? computed(() => value()) : value))
}

/** What a field computes is nobody's but ours: were it a promise that rejects, and nobody saw to it, the process would end. */
function computed(compute: () => unknown): unknown {
  const value = attempt(compute)
  if (value instanceof Promise) value.catch(() => {})
  return value
}

class Reader {
  readonly #reading: Reading
  readonly #path: object[] = []
  #left = maxValues

  constructor(reading: Reading) {
    this.#reading = reading
  }

  record(entries: Iterable<readonly [unknown, unknown]>, resolve?: (value: unknown) => unknown): PlainRecord {
    const plain: [string, Plain][] = []
    for (const [key, given] of entries) {
      if (given === undefined) continue
      if (this.#left-- <= 0) {
        plain.push(['[more]', true])
        break
      }
      const name = typeof key === 'string' ? key : String(key)
      const isSecret = this.#reading.redaction.isSecret(name)
      const value = isSecret ? redacted : this.value(resolve === undefined ? given : resolve(given))
      if (value !== undefined) plain.push([name.length > longName ? this.text(name) : name, value])
    }
    return Object.fromEntries(plain) // unlike assignment, takes `__proto__` for a name like any other
  }

  value(value: unknown): Plain | undefined {
    switch (typeof value) {
      case 'string':
        return this.text(value)
      case 'boolean':
        return value
      case 'number':
        return Number.isFinite(value) ? value : String(value)
      case 'object':
        return value === null ? null : this.#object(value)
      case 'undefined':
        return undefined
      case 'function':
        return '[function]'
      default:
        return this.text(String(value)) // bigint, symbol
    }
  }

  text(text: string): string {
    return this.#reading.redaction.text(text)
  }

  #object(value: object): Plain {
    if (this.#path.includes(value)) return '[circular]'
    if (this.#path.length >= maxDepth) return '[deep]'
    this.#path.push(value)
    try {
      return this.#read(value)
    } catch {
      return unreadable
    } finally {
      this.#path.pop()
    }
  }

  #read(value: object): Plain {
    if (isError(value)) return this.#error(value)
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? String(value) : value.toISOString()
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
    if (value instanceof Promise) return '[promise]'
    if (Array.isArray(value)) return this.#items(value, value.length)
    if (value instanceof Set) return this.#items(value, value.size)
    if (value instanceof Map || value instanceof Headers) return this.record(value.entries())
    const toJson: unknown = Reflect.get(value, 'toJSON')
    if (typeof toJson === 'function') {
      const json: unknown = toJson.call(value)
      if (json !== value) return this.value(json) ?? null
    }
    return this.record(propertiesOf(value))
  }

  #items(items: Iterable<unknown>, count: number): readonly Plain[] {
    const plain: Plain[] = []
    let isAfterSecret = false // in lists of names and values in turn, as raw headers are
    for (const item of items) {
      if (this.#left-- <= 0) {
        plain.push(`[${count - plain.length} more]`)
        break
      }
      plain.push(isAfterSecret && typeof item === 'string' ? redacted : (this.value(item) ?? null))
      isAfterSecret = typeof item === 'string' && this.#reading.redaction.isSecret(item)
    }
    return plain
  }

  #error(error: object): ErrorData {
    const read = (name: string): unknown => attempt(() => Reflect.get(error, name))
    const [code, stack, errors] = [read('code'), read('stack'), read('errors')]
    const cause = this.value(read('cause'))
    return new ErrorData(this.text(textOfAny(read('name'))), this.text(textOfAny(read('message'))), {
      ...((typeof code === 'string' || typeof code === 'number') && { code: this.value(code) as string | number }), // as above
      ...(this.#reading.stacks && typeof stack === 'string' && { stack: this.text(stack) }),
      ...(cause !== undefined && { cause }),
      ...(Array.isArray(errors) && { errors: this.#items(errors, errors.length) }),
    })
  }
}

function isError(value: object): boolean {
  return (
    value instanceof Error || value instanceof ErrorData || Object.prototype.toString.call(value) === '[object Error]'
  ) // of another realm
}

// One at a time, so that of an object with a million properties only those that are shown are read.
function* propertiesOf(value: object): Iterable<readonly [string, unknown]> {
  const names = attempt(() => Object.keys(value))
  if (!Array.isArray(names)) yield [unreadable, true]
  else for (const name of names) yield [name, attempt(() => Reflect.get(value, name))]
}

function attempt(read: () => unknown): unknown {
  try {
    return read()
  } catch {
    return unreadable
  }
}

/** `value` as text, whatever it is. Never throws. */
export function textOfAny(value: unknown): string {
  return typeof value === 'string' ? value : String(attempt(() => String(value)))
}
