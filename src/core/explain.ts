// Shows a stack: the same list that runs, so it cannot be out of date.
import type { ExplainedLayer, Explanation } from './explanation.js'
import type { MethodInfo } from './method.js'
import { type Leaf, type Stack, stackOf } from './stack.js'

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
  steps.push({ kind: kind === 'wrapped' ? 'interceptor' : kind, name, role, options, ...seenOf(leaf) })
  return leaf.inner === undefined ? steps : [...steps, ...stepsOf(leaf.inner)]
}

function seenOf({ ignoresContext, strays }: Leaf): Pick<ExplainedLayer, 'ignoresContext' | 'calledWithoutContext'> {
  const names = strays?.names ?? []
  return {
    ...(ignoresContext === true && { ignoresContext }),
    ...(names.length > 0 && { calledWithoutContext: names }),
  }
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
    const json = JSON.stringify(value)
    if ('toJSON' in value || Array.isArray(value)) return json
    // What an instance of a class has in it is its own affair: a store, a budget.
    const made: unknown = Object.getPrototypeOf(value)?.constructor
    if (typeof made === 'function' && made !== Object) return `[${made.name || 'object'}]`
    return json === '{}' && Object.keys(value).length > 0 ? '[object]' : json // of functions alone: a source of chance
  } catch {
    return String(value) // a cycle, or a bigint
  }
}
