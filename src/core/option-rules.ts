// What an option may be, as data: default, range and the words for what is wrong. One table per policy drives construction,
// change while running, and the refusal of names that are none.

/** What one option may be. */
export interface OptionRule<T> {
  /** Taken where the option is not given; a rule without one makes the option required. */
  readonly fallback?: T | undefined
  /** What a value must be, in words: `be a whole number from 1 to 100`. */
  readonly must: string
  /** Whether the option stays as it was constructed: a store, a source of chance. @defaultValue false */
  readonly fixed?: boolean
  /** Whether a value is allowed. Pure. */
  allows(value: unknown): boolean
  /** What `explain` and lint rules are shown instead, as data. Pure. @defaultValue the value itself */
  shown?(value: T): unknown
}

/** The rules of all options of a policy; options without a default may stay `undefined`. */
export type OptionRules<O> = { readonly [K in keyof O]-?: OptionRule<O[K]> }

/** The range of a number. */
export interface NumberRange {
  readonly fallback?: number
  /** The least allowed, itself included. @defaultValue none */
  readonly min?: number
  /** It must be more than this. @defaultValue none */
  readonly above?: number
  /** The most allowed, itself included; Infinity allows Infinity. @defaultValue the largest finite number */
  readonly max?: number
  /** It must be less than this. @defaultValue none */
  readonly below?: number
  /** @defaultValue false */
  readonly integer?: boolean
}

/** A number in a range. */
export function numberOption(range: NumberRange): OptionRule<number> {
  const { min = Number.NEGATIVE_INFINITY, above, max = Number.MAX_VALUE, below, integer = false } = range
  const from = above === undefined ? (range.min === undefined ? '(-∞' : `[${min}`) : `(${above}`
  const to = below === undefined ? (range.max === undefined ? '∞)' : `${max}]`) : `${below})`
  return {
    ...fallbackOf(range),
    must: `${integer ? 'be a whole number' : 'be'} in ${from}, ${to}`,
    allows: value =>
      typeof value === 'number' &&
      value >= min &&
      (above === undefined || value > above) &&
      value <= max &&
      (below === undefined || value < below) &&
      (!integer || Number.isInteger(value) || value === Number.POSITIVE_INFINITY),
  }
}

/** One of some words. */
export function oneOfOption<const T extends string>(words: readonly T[], fallback?: T): OptionRule<T> {
  return {
    ...fallbackOf({ fallback }),
    must: `be one of ${words.map(word => `'${word}'`).join(', ')}`,
    allows: value => words.some(word => word === value),
  }
}

/** True or false. */
export function booleanOption(fallback: boolean): OptionRule<boolean> {
  return { fallback, must: 'be true or false', allows: value => typeof value === 'boolean' }
}

/** A function. */
export function functionOption<T>(fallback?: T): OptionRule<T> {
  return { ...fallbackOf({ fallback }), must: 'be a function', allows: value => typeof value === 'function' }
}

/** An object with these methods, that stays as it was constructed: a clock, a source of chance, a store. */
export function objectOption<T extends object>(methods: readonly (keyof T & string)[], fallback?: T): OptionRule<T> {
  return {
    ...fallbackOf({ fallback }),
    fixed: true,
    must: `have ${methods.map(method => `${method}()`).join(' and ')}`,
    allows: value =>
      typeof value === 'object' &&
      value !== null &&
      methods.every(method => typeof (value as Readonly<Record<string, unknown>>)[method] === 'function'),
  }
}

/** A rule that also allows an option to stay away. */
export function optional<T>(rule: OptionRule<T>): OptionRule<T | undefined> {
  return {
    ...rule,
    fallback: undefined,
    must: `${rule.must}, or be left out`,
    allows: value => value === undefined || rule.allows(value),
  }
}

/** A rule whose option stays as it was constructed. */
export function fixed<T>(rule: OptionRule<T>): OptionRule<T> {
  return { ...rule, fixed: true }
}

function fallbackOf<T>(from: { readonly fallback?: T | undefined }): { readonly fallback?: T } {
  return from.fallback === undefined ? {} : { fallback: from.fallback }
}

/**
 * The options in force when `given` is laid over `base`; what is given as `undefined` is as if it had never been. Throws `TypeError` for a name that is none and for what is missing,
 * `RangeError` for a value that is not allowed: "breaker: errorRatio must be in (0, 1], got 7".
 */
export function checkedOptions<O extends object>(
  name: string,
  rules: OptionRules<O>,
  {
    base,
    given,
  }: { readonly base: Readonly<O> | undefined; readonly given: { readonly [K in keyof O]?: O[K] | undefined } },
): Readonly<O> {
  if (typeof given !== 'object' || given === null) throw new TypeError(`${name}: options must be an object`)
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(rules, key)) throw new TypeError(`${name}: there is no option '${key}'`)
  }
  const [own, before] = [given, base] as readonly Readonly<Record<string, unknown>>[] // objects, read by name
  const options: Record<string, unknown> = {}
  for (const [key, rule] of Object.entries<OptionRule<unknown>>(rules)) {
    const known = own !== undefined && Object.hasOwn(own, key) ? own[key] : before?.[key]
    const value = known === undefined ? rule.fallback : known
    if (value === undefined && !('fallback' in rule)) throw new TypeError(`${name}: ${key} is required`)
    if (value !== undefined && !rule.allows(value))
      throw new RangeError(`${name}: ${key} must ${rule.must}, got ${shown(value)}`)
    if (value !== undefined) options[key] = value
  }
  return Object.freeze(options) as Readonly<O> // each option that must be there is
}

/** Options as data, for whoever looks at a stack. */
export function shownOptions<O extends object>(
  rules: OptionRules<O>,
  options: Readonly<O>,
): Readonly<Record<string, unknown>> {
  const byName = rules as Readonly<Record<string, OptionRule<unknown>>> // each is of the option of its name
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [key, byName[key]?.shown?.(value) ?? value]))
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.slice(0, 40)}'`
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}
