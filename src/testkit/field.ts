// The kinds of fields that the suites' own contracts are made of, each with its wire form: JSON's own as they are, dates,
// bigints and bytes as strings too. Suites may depend on no schema library, since third parties run them beside any.
import type { JsonSchema } from '../contract/index.js'

/** What was found wrong, and where. */
export interface Misfit {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** Where a value stands in a message, and where to say what is wrong with it. */
export interface Reading {
  readonly path: readonly PropertyKey[]
  readonly misfits: Misfit[]
}

/** One field: `In` is what may be sent, `Out` what the receiver gets. */
export interface Field<in In, out Out> {
  readonly json: JsonSchema
  /** What a missing value means: a misfit, nothing, or the default. */
  readonly absent: 'refused' | 'left' | (() => Out)
  /** Gives the output; says in `reading` what does not fit, and then what it gives does not count. */
  read(value: unknown, reading: Reading): Out
  /** For the types only. */
  readonly input?: (value: In) => void
}

function field<In, Out>(
  json: JsonSchema,
  expected: string,
  convert: (value: unknown) => Out | undefined,
): Field<In, Out> {
  return {
    json,
    absent: 'refused',
    read(value, { path, misfits }) {
      const converted = convert(value)
      if (converted === undefined) misfits.push({ path, message: `must be ${expected}` })
      return converted as Out // a misfit makes the whole message unread
    },
  }
}

export function text(): Field<string, string> {
  return field({ type: 'string' }, 'text', value => (typeof value === 'string' ? value : undefined))
}

export function number(): Field<number, number> {
  return field({ type: 'number' }, 'a number', value => (typeof value === 'number' ? value : undefined))
}

export function integer(): Field<number, number> {
  return field({ type: 'integer' }, 'an integer', value =>
    Number.isSafeInteger(value) ? (value as number) : undefined,
  )
}

export function boolean(): Field<boolean, boolean> {
  return field({ type: 'boolean' }, 'true or false', value => (typeof value === 'boolean' ? value : undefined))
}

export function date(): Field<Date | string, Date> {
  return field({ type: 'string', format: 'date-time' }, 'a time as in RFC 3339', value => {
    if (value instanceof Date) return value
    if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(value)) return undefined
    return new Date(value)
  })
}

export function bigint(): Field<bigint | string, bigint> {
  return field({ type: 'string', format: 'int64' }, 'an integer as decimal text', value => {
    if (typeof value === 'bigint') return value
    return typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : undefined
  })
}

export function bytes(): Field<Uint8Array | string, Uint8Array> {
  return field({ type: 'string', contentEncoding: 'base64' }, 'bytes as base64', value => {
    if (value instanceof Uint8Array) return new Uint8Array(value)
    if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) return undefined
    return Uint8Array.from(atob(value), char => char.charCodeAt(0))
  })
}

export function list<In, Out>(item: Field<In, Out>): Field<readonly In[], Out[]> {
  return {
    json: { type: 'array', items: item.json },
    absent: 'refused',
    read(value, { path, misfits }) {
      if (Array.isArray(value)) return value.map((each, i) => item.read(each, { path: [...path, i], misfits }))
      misfits.push({ path, message: 'must be a list' })
      return []
    },
  }
}

/** Values by any key. */
export function dictionary<In, Out>(
  item: Field<In, Out>,
): Field<Readonly<Record<string, In>>, Readonly<Record<string, Out>>> {
  return {
    json: { type: 'object', additionalProperties: item.json },
    absent: 'refused',
    read(value, { path, misfits }) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        misfits.push({ path, message: 'must be an object' })
        return {}
      }
      const entries = Object.entries(value)
      return Object.fromEntries(entries.map(([key, each]) => [key, item.read(each, { path: [...path, key], misfits })]))
    },
  }
}

/** A field that may be missing, and then stays so. */
export interface OptionalField<in In, out Out> extends Field<In, Out> {
  readonly absent: 'left'
}

export function optional<In, Out>(inner: Field<In, Out>): OptionalField<In, Out> {
  return { ...inner, absent: 'left' }
}

/** A field that the receiver fills in where it is missing. */
export interface DefaultField<in In, out Out> extends Field<In, Out> {
  readonly absent: () => Out
}

export function withDefault<In, Out>(inner: Field<In, Out>, value: Out): DefaultField<In, Out> {
  return { ...inner, json: { ...inner.json, default: value }, absent: () => value }
}

/** A field that the receiver changes: to see who does, and how often. */
export function transformed<In, Middle, Out>(inner: Field<In, Middle>, change: (value: Middle) => Out): Field<In, Out> {
  const { json, read } = inner
  return {
    json,
    absent: 'refused',
    read(value, reading) {
      const before = reading.misfits.length
      const middle = read(value, reading)
      return reading.misfits.length > before ? (undefined as Out) : change(middle) // does not count, as said
    },
  }
}
