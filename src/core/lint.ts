// Finds stacks that are known to go wrong. The rules are data, and layers bring those that are about them, so that what checks a stack
// need not know what it may be made of.
import { explain } from './explain.js'
import type { LintRule } from './explanation.js'
import { type Stack, stackOf } from './stack.js'

/** What a rule found. */
export interface Finding {
  /** The rule's id: `retry-unsafe`. */
  readonly rule: string
  /** What goes wrong, and which order or option to use instead. */
  readonly message: string
}

/**
 * Applies rules to an endpoint's stack: those that its layers bring, then `rules`, in order. One with the id of another goes instead
 * of it: `{ id: 'retry-unsafe', check: () => [] }` turns a rule off.
 *
 * @param rules - besides those that the layers bring
 */
export function lint(endpoint: object, rules: readonly LintRule[] = []): readonly Finding[] {
  const explanation = explain(endpoint)
  const all = new Map([callWithoutContext, ...rulesIn(stackOf(endpoint)), ...rules].map(rule => [rule.id, rule]))
  return [...all.values()].flatMap(rule => rule.check(explanation).map(message => ({ rule: rule.id, message })))
}

function rulesIn({ layers, leaf }: Stack): readonly LintRule[] {
  const own = [...layers, leaf].flatMap(part => part.lint ?? [])
  return leaf.inner === undefined ? own : [...own, ...rulesIn(leaf.inner)]
}

/** About what a handler was seen to do, so that it finds nothing before the first call. */
const callWithoutContext: LintRule = {
  id: 'call-without-context',
  check: ({ steps }) =>
    steps.flatMap(({ name, calledWithoutContext = [] }) =>
      calledWithoutContext.map(
        callee =>
          `'${name}' has called '${callee}' without its context: that call goes on when this one has ended, and does not know how ` +
          `much time is left. Pass it on: call(endpoint, request, { context }); for work that is to outlive the call, detached(context).`,
      ),
    ),
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
