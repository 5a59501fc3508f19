// Finds stacks that are known to go wrong. The rules are data, so that whoever writes a middleware can bring its rule.
import { type Explanation, explain } from './explain.js'

/** What a rule found. */
export interface Finding {
  /** The rule's id: `retry-unsafe`. */
  readonly rule: string
  /** What goes wrong, and which order or option to use instead. */
  readonly message: string
}

/** Looks at one stack. */
export interface LintRule {
  readonly id: string
  /** The message of each thing found. Pure. */
  check(explanation: Explanation): readonly string[]
}

/** Applies rules to an endpoint's stack. @param rules - checked in order */
export function lint(endpoint: object, rules: readonly LintRule[]): readonly Finding[] {
  const explanation = explain(endpoint)
  return rules.flatMap(rule => rule.check(explanation).map(message => ({ rule: rule.id, message })))
}

/**
 * A rule about order: `outer` must not be outside `inner`, both given as roles.
 *
 * @example
 * ```ts
 * import { around, chain, fromPromise, lint, misorder } from 'tenon'
 *
 * const rule = misorder('limiter-inside-breaker', { outer: 'breaker', inner: 'rateLimit', message: 'refusals of the limiter open the breaker: put the limiter outside' })
 * const stack = chain(around({ name: 'breaker' }), around({ name: 'rateLimit' }))(fromPromise(async () => 1))
 * console.assert(lint(stack, [rule]).length === 1)
 * ```
 */
export function misorder(
  id: string,
  order: { readonly outer: string; readonly inner: string; readonly message: string },
): LintRule {
  return {
    id,
    check({ steps }) {
      const outside = steps.findIndex(step => step.role === order.outer)
      const inside = steps.findLastIndex(step => step.role === order.inner)
      return outside !== -1 && inside > outside ? [order.message] : []
    },
  }
}
