// Several policies as one middleware, in a fixed order: what the recommended stacks are made of.
import { chain, type Middleware, type PolicyEvent, type PolicyOptions } from '../core/index.js'

/** What a part of a recommended stack may be given: its options, or `false` to leave it out. */
export type Part<O> = O | false

/** What all recommended stacks may be given. */
export interface PolicyStackOptions<Event extends PolicyEvent> {
  /** Goes before the names of the parts, in `explain` and in events: `stock retry`. @defaultValue the parts' own names alone */
  readonly name?: string
  /** Told of the events of all parts. Never awaited; what it throws is reported as a defect. @defaultValue nobody */
  readonly onEvent?: (event: Event) => void
}

/** Any policy, as far as a stack is concerned. */
type Listened<Event> = Middleware & { onEvent(listener: (event: Event) => void): () => void }

/** Where a part is, and what we recommend for it. */
export interface PartPlace<O> {
  /** The stack's name. */
  readonly of: string | undefined
  readonly kind: string
  readonly recommended: Omit<Partial<O>, 'name'>
}

/** Makes one part, unless it is left out. `given` goes before what is recommended, but for what is `undefined`. */
export function partOf<O extends PolicyOptions<never>, P>(
  make: (options: O) => P,
  given: Part<O> | undefined,
  { of, kind, recommended }: PartPlace<O>,
): P | undefined {
  if (given === false) return undefined
  const named = of === undefined ? {} : { name: `${of} ${kind}` }
  const told = Object.entries(given ?? {}).filter(([, value]) => value !== undefined) // as if it had never been given
  return make({ ...recommended, ...named, ...Object.fromEntries(told) } as unknown as O) // checked by what it makes
}

/** One middleware of the parts that there are, outermost first, with the parts and one stream of their events. */
export function policyStack<Event extends PolicyEvent, Parts extends Readonly<Record<string, object | undefined>>>(
  parts: Parts,
  onEvent: ((event: Event) => void) | undefined,
): Middleware & Parts & { onEvent(listener: (event: Event) => void): () => void } {
  const present = Object.values(parts).filter(part => part !== undefined) as Listened<Event>[] // they are made of policies alone
  const stack = chain(...present)
  const middleware: Middleware = next => stack(next)
  const listen = (listener: (event: Event) => void) => {
    const ends = present.map(part => part.onEvent(listener))
    return () => {
      for (const end of ends) end()
    }
  }
  if (onEvent !== undefined) listen(onEvent)
  return Object.assign(middleware, parts, { onEvent: listen })
}

/**
 * Throws `TypeError` for an option that a stack has not: a part with a slip in its name would be left as recommended. `RangeError` for one
 * that is none of what it may be: `null` would be taken for what is recommended, too.
 */
export function checkParts(what: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${what}: options must be an object`)
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw new TypeError(`${what}: there is no option '${key}'`)
  }
  for (const [key, value] of Object.entries(options) as [string, unknown][]) {
    if (value === undefined) continue
    if (key === 'name') check(typeof value === 'string' && value !== '', `${what}: name must be a word`)
    else if (key === 'onEvent') check(typeof value === 'function', `${what}: onEvent must be a function`)
    else
      check(
        value === false || (typeof value === 'object' && value !== null),
        `${what}: ${key} must be its options, or false`,
      )
  }
}

function check(isAllowed: boolean, otherwise: string): void {
  if (!isAllowed) throw new RangeError(otherwise)
}
