// What may be done by whom, as values that can be named, combined and shown: `scopes('orders:write')`, `anyOf(owner, roles('staff'))`.
import { type Awaitable, andThen, type Context } from '../core/index.js'

/** What a rule looks at. */
export interface Asked<P, Req = unknown> {
  readonly principal: P
  readonly request: Req
  readonly context: Context
}

/** Whether a principal may make a call. */
export interface Rule<P, Req = unknown> {
  /** For `explain` and logs on this side: `scopes(orders:write)`. Callers never see it. */
  readonly name: string
  /** What RFC 6750 tells a caller whose token lacks a scope. @defaultValue nothing: another token would not help */
  readonly scope?: string
  /**
   * Whether the call may go on. Where it throws, the call is refused: with the failure of a `CallError`, which says that it cannot be told
   * now; anything else is a defect.
   */
  allows(asked: Asked<P, Req>): Awaitable<boolean>
}

/** Who has been granted scopes, as by a token. */
export interface Scoped {
  readonly scopes: readonly string[]
}

/** Who has roles. */
export interface WithRoles {
  readonly roles: readonly string[]
}

/**
 * A rule of one's own, on principal, request and context: attribute rules.
 *
 * @example
 * ```ts
 * import { rule } from 'tenon/auth'
 *
 * export const owner = rule('owner', ({ principal, request }: {
 *   readonly principal: { readonly id: string }
 *   readonly request: { readonly customer: string }
 * }) => request.customer === principal.id)
 * ```
 */
export function rule<P, Req = unknown>(
  name: string,
  allows: (asked: Asked<P, Req>) => Awaitable<boolean>,
): Rule<P, Req> {
  if (typeof name !== 'string' || name === '') throw new TypeError('rule: needs a name')
  if (typeof allows !== 'function') throw new TypeError(`rule '${name}': needs a function`)
  return { name, allows }
}

// RFC 6749, section 3.3.
const scopeRule = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** All of these scopes have been granted. Throws `TypeError` for none, and for what cannot be a scope. */
export function scopes(...all: readonly [string, ...(readonly string[])]): Rule<Scoped> {
  const wrong = all.find(scope => typeof scope !== 'string' || !scopeRule.test(scope))
  if (all.length === 0 || wrong !== undefined) throw new TypeError(`scopes: ${JSON.stringify(wrong)} is no scope`)
  return {
    name: `scopes(${all.join(' ')})`,
    scope: all.join(' '),
    allows: ({ principal }) => all.every(scope => principal.scopes.includes(scope)),
  }
}

/** The principal has at least one of these roles. Throws `TypeError` for none. */
export function roles(...any: readonly [string, ...(readonly string[])]): Rule<WithRoles> {
  if (any.length === 0 || any.some(role => typeof role !== 'string' || role === ''))
    throw new TypeError('roles: needs names of roles')
  return {
    name: `roles(${any.join(' | ')})`,
    allows: ({ principal }) => any.some(role => principal.roles.includes(role)),
  }
}

type AnyRule = Rule<never, never>
type PrincipalFor<R extends readonly AnyRule[]> = Intersection<{
  [I in keyof R]: R[I] extends Rule<infer P, never> ? P : never
}>
type RequestFor<R extends readonly AnyRule[]> = Intersection<{
  [I in keyof R]: R[I] extends Rule<never, infer Req> ? Req : never
}>
type Intersection<T extends readonly unknown[]> = T extends readonly [infer First, ...infer Rest]
  ? First & Intersection<Rest>
  : unknown

/** What several rules together may be put on. */
export type Combined<R extends readonly AnyRule[]> = Rule<PrincipalFor<R>, RequestFor<R>>

/**
 * All of the rules allow it; asked in order, until one does not. Its `scope` is that of all where all have one: otherwise more scopes may
 * not help. Throws `TypeError` for none.
 */
export function allOf<const R extends readonly AnyRule[]>(...rules: R): Combined<R> {
  const all = rules.flatMap(({ scope }) => scope ?? [])
  return combined('allOf', rules, { decisive: false, scope: all.length === rules.length ? all.join(' ') : undefined })
}

/** One of the rules allows it; asked in order, until one does. Its `scope` is the first of theirs. Throws `TypeError` for none. */
export function anyOf<const R extends readonly AnyRule[]>(...rules: R): Combined<R> {
  return combined('anyOf', rules, { decisive: true, scope: rules.find(({ scope }) => scope !== undefined)?.scope })
}

interface Combination {
  /** The answer after which no further rule is asked. */
  readonly decisive: boolean
  readonly scope: string | undefined
}

/** Asks in order until an answer is `decisive`, without a promise where none of them needs one. */
function combined(name: string, rules: readonly AnyRule[], { decisive, scope }: Combination): Rule<never, never> {
  if (rules.length === 0) throw new TypeError(`${name}: needs a rule`)
  const from = (start: number, asked: Asked<never, never>): Awaitable<boolean> => {
    for (let i = start; i < rules.length; i++) {
      const allowed = (rules[i] as AnyRule).allows(asked) // the loop's condition
      if (typeof allowed === 'object')
        return andThen(allowed, said => ((said === true) === decisive ? decisive : from(i + 1, asked)))
      if ((allowed === true) === decisive) return decisive
    }
    return !decisive
  }
  return {
    name: `${name}(${rules.map(each => each.name).join(', ')})`,
    ...(scope !== undefined && { scope }),
    allows: asked => from(0, asked),
  }
}
