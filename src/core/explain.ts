// Shows a stack: the same list that runs, so it cannot be out of date.
import type { MethodInfo } from './method.js'
import { type Stack, stackOf } from './stack.js'

/** One step of an {@link Explanation}. */
export interface ExplainedLayer {
  /** `layer` runs fused with its neighbours, `interceptor` runs the rest itself, the others are innermost. */
  readonly kind: 'layer' | 'interceptor' | 'function' | 'remote' | 'opaque'
  readonly name: string
  /** What lint rules know it by. */
  readonly role: string
  readonly options: Readonly<Record<string, unknown>>
}

/** A stack as data, outermost first, ending in the business function or the call to another process. */
export interface Explanation {
  readonly method: MethodInfo | undefined
  readonly steps: readonly ExplainedLayer[]
  /** The stack as a tree, for people. */
  toString(): string
}

/** What an endpoint is made of. A plain function is one step, `opaque`: what is beneath it cannot be seen. */
export function explain(endpoint: object): Explanation {
  const stack = stackOf(endpoint)
  const steps = stepsOf(stack)
  return { method: stack.method, steps, toString: () => draw(stack.method, steps) }
}

function stepsOf(stack: Stack): ExplainedLayer[] {
  const steps: ExplainedLayer[] = stack.layers.map(layer => ({
    kind: 'layer',
    name: layer.name,
    role: layer.role ?? layer.name,
    options: layer.options ?? {},
  }))
  const { leaf } = stack
  const { kind, name, options = {}, role = name } = leaf
  steps.push({ kind: kind === 'wrapped' ? 'interceptor' : kind, name, role, options })
  return leaf.inner === undefined ? steps : [...steps, ...stepsOf(leaf.inner)]
}

function draw(method: MethodInfo | undefined, steps: readonly ExplainedLayer[]): string {
  const head = method === undefined ? 'endpoint' : `${method.service}/${method.name} (${method.idempotency})`
  const lines = steps.map((step, depth) => {
    const options = Object.entries(step.options).map(([key, value]) => ` ${key}=${show(value)}`)
    const name = step.name === '' ? '(anonymous)' : step.name
    const kind = step.kind === 'layer' || step.kind === 'interceptor' ? '' : ` [${step.kind}]`
    return `${'  '.repeat(depth)}└ ${name}${kind}${options.join('')}`
  })
  return [head, ...lines].join('\n')
}

function show(value: unknown): string {
  if (typeof value === 'function') return value.name === '' ? 'function' : `${value.name}()`
  if (typeof value !== 'object' || value === null) return String(value)
  try {
    return JSON.stringify(value)
  } catch {
    return String(value) // a cycle, or a bigint
  }
}
