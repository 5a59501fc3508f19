// Runs a list of layers around a leaf as one function: one object and one promise for any number of layers, where
// closures cost a promise and two microtasks each.
import { fromThrown } from './call-error.js'
import { type Context, carriedOf } from './context.js'
import { left } from './either.js'
import type { Failure } from './failure.js'
import type { Entered, Layer } from './layer.js'
import type { Awaitable, Outcome } from './outcome.js'
import type { Dependent, Scope } from './scope.js'
import type { Leaf, Stack } from './stack.js'
import { CallStream, closeStream, isStream } from './stream.js'

/** Runs a stack in the call that the context belongs to. Never throws and never rejects. */
export function runStack(stack: Stack, request: unknown, context: Context): Awaitable<Outcome> {
  const { scope } = carriedOf(context)
  scope.runs++
  if (stack.layers.length > 0) return new Frame(stack, request, context, scope).run()
  const { leaf } = stack
  let value: unknown
  try {
    value = leaf.start(request, context)
  } catch (thrown) {
    return leaf.caught(thrown, scope)
  }
  if (!isPromise(value)) return leaf.settle(value, scope)
  return value.then(
    result => leaf.settle(result, scope),
    thrown => leaf.caught(thrown, scope),
  )
}

function isPromise(value: unknown): value is Promise<unknown> {
  return (
    value instanceof Promise ||
    (typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function')
  )
}

class Frame implements Dependent {
  newer: Dependent | undefined = undefined
  older: Dependent | undefined = undefined
  readonly #layers: readonly Layer<unknown>[]
  readonly #leaf: Leaf
  readonly #request: unknown
  readonly #scope: Scope
  readonly #states: unknown[] = []
  readonly #contexts: Context[] = []
  #context: Context
  #outcome: Outcome | undefined

  constructor(stack: Stack, request: unknown, context: Context, scope: Scope) {
    this.#layers = stack.layers
    this.#leaf = stack.leaf
    this.#request = request
    this.#context = context
    this.#scope = scope
    scope.attach(this)
  }

  run(): Awaitable<Outcome> {
    const layers = this.#layers
    while (this.#contexts.length < layers.length) {
      const layer = layers[this.#contexts.length] as Layer<unknown> // the loop's condition
      if (layer.enter === undefined) {
        this.#push(undefined)
        continue
      }
      let entered: Awaitable<Entered<unknown>>
      try {
        entered = layer.enter(this.#context, this.#request)
      } catch (thrown) {
        return this.#end(fromThrown(thrown, this.#scope.onDefect))
      }
      if (entered instanceof Promise) return this.#resume(layer, entered)
      const refused = this.#accept(entered)
      if (refused !== undefined) return this.#end(refused)
    }
    return this.#outcome ?? this.#start()
  }

  async #resume(layer: Layer<unknown>, entering: Promise<Entered<unknown>>): Promise<Outcome> {
    let refused: Outcome | undefined
    try {
      const entered = await entering
      if (this.#outcome !== undefined) {
        // The call ended while the layer was entering: what it took, its exit gives back.
        if (entered?._tag !== 'Left')
          this.#exit(layer, this.#outcome, entered?.state, entered?.context ?? this.#context)
        return this.#outcome
      }
      refused = this.#accept(entered)
    } catch (thrown) {
      refused = fromThrown(thrown, this.#outcome === undefined ? this.#scope.onDefect : () => {})
    }
    return refused === undefined ? this.run() : this.#end(refused)
  }

  #accept(entered: Entered<unknown>): Outcome | undefined {
    if (entered === undefined) {
      this.#push(undefined)
      return undefined
    }
    if (entered._tag === 'Left') return entered
    if (entered.context !== undefined) this.#context = entered.context
    this.#push(entered.state)
    return undefined
  }

  #push(state: unknown): void {
    this.#states.push(state)
    this.#contexts.push(this.#context)
  }

  #start(): Awaitable<Outcome> {
    const leaf = this.#leaf
    let value: unknown
    try {
      value = leaf.start(this.#request, this.#context)
    } catch (thrown) {
      return this.#settle(leaf.caught(thrown, this.#scope))
    }
    if (!isPromise(value)) return this.#settle(leaf.settle(value, this.#scope))
    return value.then(
      result => this.#settle(leaf.settle(result, this.#scope)),
      thrown => this.#settle(leaf.caught(thrown, this.#scope)),
    )
  }

  #settle(outcome: Outcome): Outcome {
    const response = outcome._tag === 'Right' ? outcome.right : undefined
    if (!isStream(response)) return this.#end(outcome)
    if (this.#outcome !== undefined) {
      closeStream(response, this.#scope.onDefect, () => {})
      return this.#outcome
    }
    this.#opened()
    const onEnd = (ended: Outcome): void => void this.#end(ended)
    return { _tag: 'Right', right: new CallStream(response, { onDefect: this.#scope.onDefect, onEnd }) }
  }

  #opened(): void {
    for (let i = this.#contexts.length - 1; i >= 0; i--) {
      try {
        this.#layers[i]?.opened?.(this.#states[i], this.#contexts[i] as Context) // one context per entered layer
      } catch (thrown) {
        this.#scope.onDefect(thrown)
      }
    }
  }

  /** The call ended early: its deadline, a cancellation, an abandoned stream. */
  end(failure: Failure): void {
    this.#end(left(failure))
  }

  /** The caller has its outcome; these layers have not, since an opaque function above did not wait. They still will. */
  orphan(): void {}

  #end(outcome: Outcome): Outcome {
    if (this.#outcome !== undefined) return this.#outcome
    this.#outcome = outcome
    this.#scope.detach(this)
    for (let i = this.#contexts.length - 1; i >= 0; i--) {
      const layer = this.#layers[i] as Layer<unknown> // as many contexts as layers entered
      if (layer.exit !== undefined) this.#exit(layer, outcome, this.#states[i], this.#contexts[i] as Context)
    }
    return outcome
  }

  #exit(layer: Layer<unknown>, outcome: Outcome, state: unknown, context: Context): void {
    try {
      const result: unknown = layer.exit?.(outcome, state, context)
      if (result instanceof Promise) result.catch(this.#scope.onDefect)
    } catch (thrown) {
      this.#scope.onDefect(thrown)
    }
  }
}
