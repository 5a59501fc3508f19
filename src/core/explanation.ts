// What a stack looks like as data, and what a rule has to say of it. Apart from `explain` and `lint`, so that a layer can bring rules.
import type { MethodInfo } from './method.js'

/** One step of an {@link Explanation}. */
export interface ExplainedLayer {
  /** `layer` runs fused with its neighbours, `interceptor` runs the rest itself, the others are innermost. */
  readonly kind: 'layer' | 'interceptor' | 'function' | 'remote' | 'opaque'
  readonly name: string
  /** What lint rules know it by. */
  readonly role: string
  readonly options: Readonly<Record<string, unknown>>
  /** Set on a function that takes no context: it cannot learn that its call was cancelled, nor pass that on. */
  readonly ignoresContext?: true
  /** What this function was seen to call without its context, before it first waited for anything. Absent while there is nothing. */
  readonly calledWithoutContext?: readonly string[]
}

/** A stack as data, outermost first, ending in the business function or the call to another process. */
export interface Explanation {
  readonly method: MethodInfo | undefined
  readonly steps: readonly ExplainedLayer[]
  /** The stack as a tree, for people. */
  toString(): string
}

/** Looks at one stack. */
export interface LintRule {
  readonly id: string
  /** The message of each thing found. Pure. */
  check(explanation: Explanation): readonly string[]
}
