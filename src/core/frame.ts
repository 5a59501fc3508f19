// Runs a list of layers around a leaf as one function: one object and one promise for any number of layers, where
// closures cost a promise and two microtasks each.
import { observe } from './call-error.js'
import { type Context, carriedOf } from './context.js'
import { left, right } from './either.js'
import type { Failure } from './failure.js'
import type { Entered, Layer } from './layer.js'
import { type Awaitable, isPromise, type Outcome } from './outcome.js'
import type { Dependent, Scope } from './scope.js'
import type { Leaf, Stack } from './stack.js'
import { CallStream, isStream, watchItems } from './stream.js'

/** Who gets the outcome of work that may still be going on: the layers around a leaf, the call around a stack. */
interface Receiver {
  /** The work has ended. Returns what it is to whoever is further out. */
  complete(outcome: Outcome): Outcome
  /** What whoever is further out waits for meanwhile, where that is not the work itself: saves a promise for each of them. */
  promise(): Promise<Outcome> | undefined
}

/** Runs a stack in the call that the context belongs to. Never throws and never rejects. */
export function runStack(stack: Stack, request: unknown, context: Context): Awaitable<Outcome> {
  const { scope } = carriedOf(context)
  return scope.ended === undefined ? run(stack, request, context) : left(scope.ended)
}

/** Runs the stack of a call that has just begun, as its outermost: its outcome is the call's. Never throws and never rejects. */
export function runCall(stack: Stack, request: unknown, context: Context): Awaitable<Outcome> {
  return run(stack, request, context, carriedOf(context).scope)
}

function run(stack: Stack, request: unknown, context: Context, outer?: Receiver): Awaitable<Outcome> {
  carriedOf(context).scope.runs++
  if (stack.layers.length > 0) return new Frame(stack, request, context, outer).run()
  return startLeaf(stack.leaf, request, context, outer)
}

/** Starts a leaf, whose outcome `outer` gets. */
function startLeaf(leaf: Leaf, request: unknown, context: Context, outer?: Receiver): Awaitable<Outcome> {
  const { scope } = carriedOf(context)
  const { runs } = scope
  // Whoever raced this against something else may have its answer long before this work ends.
  scope.hold()
  const end = (outcome: Outcome): Outcome => {
    scope.release()
    return outer === undefined ? outcome : outer.complete(outcome)
  }
  let value: unknown
  try {
    value = leaf.start(request, context)
    if (isPromise(value) && !(value instanceof Promise)) value = Promise.resolve(value)
  } catch (thrown) {
    return end(leaf.caught(thrown, scope, runs))
  }
  if (!(value instanceof Promise)) return end(outcomeOf(value, leaf, scope, runs))
  const ended = value.then(
    result => end(outcomeOf(result, leaf, scope, runs)),
    thrown => end(leaf.caught(thrown, scope, runs)),
  )
  return outer?.promise() ?? ended
}

function outcomeOf(result: unknown, leaf: Leaf, scope: Scope, runs: number): Outcome {
  try {
    return leaf.settle(result, scope, runs)
  } catch (thrown) {
    return leaf.caught(thrown, scope, runs) // a Proxy may refuse to be looked at
  }
}

class Frame implements Dependent, Receiver {
  newer: Dependent | undefined = undefined
  older: Dependent | undefined = undefined
  readonly #stack: Stack
  readonly #request: unknown
  readonly #scope: Scope
  readonly #outer: Receiver | undefined
  /** What each layer that entered got and gave: its context and its state, in turn. */
  readonly #entered: unknown[]
  /** How much work went on in the call when the first layer was entered: what there is more has begun further in. */
  readonly #workOutside: number
  #count = 0
  #context: Context
  #outcome: Outcome | undefined
  #stream: CallStream | undefined
  /** Some layer wants to know of each item. */
  #watchesItems = false

  constructor(stack: Stack, request: unknown, context: Context, outer: Receiver | undefined) {
    const { scope } = carriedOf(context)
    this.#stack = stack
    this.#request = request
    this.#context = context
    this.#scope = scope
    this.#outer = outer
    this.#entered = new Array(2 * stack.layers.length)
    this.#workOutside = scope.work
    scope.attach(this)
  }

  get outlives(): boolean {
    return true
  }

  run(): Awaitable<Outcome> {
    const { layers } = this.#stack
    while (this.#count < layers.length) {
      const layer = layers[this.#count] as Layer<unknown> // the loop's condition
      if (layer.item !== undefined) this.#watchesItems = true
      if (layer.enter === undefined) {
        this.#push(undefined)
        continue
      }
      let refused: Outcome | undefined
      try {
        const entered = layer.enter(this.#context, this.#request)
        if (isPromise(entered)) {
          const resumed = this.#resume(layer, entered)
          return this.promise() ?? resumed
        }
        refused = this.#accept(layer, entered)
      } catch (thrown) {
        refused = this.#scope.caught(thrown)
      }
      if (refused !== undefined) return this.#give(this.#end(refused))
    }
    const request = this.#watchesItems ? this.#watched(this.#request) : this.#request
    return startLeaf(this.#stack.leaf, request, this.#context, this)
  }

  async #resume(layer: Layer<unknown>, entering: Promise<Entered<unknown>>): Promise<Outcome> {
    let refused: Outcome | undefined
    try {
      refused = this.#accept(layer, await entering)
    } catch (thrown) {
      refused = this.#scope.caught(thrown)
    }
    return refused === undefined ? this.run() : this.#give(this.#end(refused))
  }

  /** A layer has entered, or gives what it refuses with. */
  #accept(layer: Layer<unknown>, entered: Entered<unknown>): Outcome | undefined {
    if (entered?._tag === 'Left') return entered
    const context = entered?.context ?? this.#context
    if (this.#outcome !== undefined) {
      // The call ended while the layer was entering: what it took, its exit gives back.
      this.#exit(layer, this.#outcome, entered?.state, context)
      this.#settled(layer, entered?.state, context)
      return this.#outcome
    }
    this.#context = context
    this.#push(entered?.state)
    return undefined
  }

  #push(state: unknown): void {
    const at = 2 * this.#count++
    this.#entered[at] = state
    this.#entered[at + 1] = this.#context
  }

  /** The leaf has given its outcome. */
  complete(outcome: Outcome): Outcome {
    return this.#give(this.#settle(outcome))
  }

  promise(): Promise<Outcome> | undefined {
    return this.#outer?.promise()
  }

  #give(outcome: Outcome): Outcome {
    return this.#outer === undefined ? outcome : this.#outer.complete(outcome)
  }

  /** What the layers' caller gets. */
  #settle(outcome: Outcome): Outcome {
    const response = outcome._tag === 'Right' ? outcome.right : undefined
    if (!isStream(response)) return this.#end(outcome)
    if (this.#outcome !== undefined) {
      this.#scope.closeLate(response)
      return this.#outcome
    }
    this.#opened()
    this.#scope.hold()
    this.#stream = new CallStream(response, {
      onDefect: this.#scope.onDefect,
      ...(this.#watchesItems && { onItem: () => this.#item('response') }),
      onEnd: ended => void this.#end(ended),
      onReleased: () => this.#scope.release(),
    })
    return right(this.#stream)
  }

  #watched(request: unknown): unknown {
    return isStream(request) ? watchItems(request, () => this.#item('request')) : request
  }

  #item(of: 'request' | 'response'): void {
    const { layers } = this.#stack
    for (let i = this.#count - 1; i >= 0 && this.#outcome === undefined; i--) {
      try {
        layers[i]?.item?.(of, this.#entered[2 * i], this.#entered[2 * i + 1] as Context) // one context per entered layer
      } catch (thrown) {
        observe(this.#scope.onDefect, thrown)
      }
    }
  }

  #opened(): void {
    const { layers } = this.#stack
    for (let i = this.#count - 1; i >= 0; i--) {
      try {
        layers[i]?.opened?.(this.#entered[2 * i], this.#entered[2 * i + 1] as Context) // one context per entered layer
      } catch (thrown) {
        observe(this.#scope.onDefect, thrown)
      }
    }
  }

  /** The call ended early: its deadline, a cancellation, an abandoned stream. */
  end(failure: Failure): void {
    this.#end(left(failure))
    this.#stream?.fail(failure)
  }

  #end(outcome: Outcome): Outcome {
    if (this.#outcome !== undefined) return this.#outcome
    this.#outcome = outcome
    this.#scope.detach(this)
    const { layers } = this.#stack
    let counts = false
    for (let i = this.#count - 1; i >= 0; i--) {
      const layer = layers[i] as Layer<unknown> // as many contexts as layers entered
      if (layer.settled !== undefined) counts = true
      if (layer.exit !== undefined)
        this.#exit(layer, outcome, this.#entered[2 * i], this.#entered[2 * i + 1] as Context)
    }
    if (counts) this.#whenSettled()
    return outcome
  }

  #whenSettled(): void {
    const count = this.#count // a layer that is still entering settles by itself
    if (this.#scope.work <= this.#workOutside) this.#tellSettled(count)
    else this.#scope.onSettled(() => this.#tellSettled(count))
  }

  #tellSettled(count: number): void {
    for (let i = count - 1; i >= 0; i--)
      this.#settled(this.#stack.layers[i] as Layer<unknown>, this.#entered[2 * i], this.#entered[2 * i + 1] as Context) // as above
  }

  #settled(layer: Layer<unknown>, state: unknown, context: Context): void {
    try {
      layer.settled?.(state, context)
    } catch (thrown) {
      observe(this.#scope.onDefect, thrown)
    }
  }

  #exit(layer: Layer<unknown>, outcome: Outcome, state: unknown, context: Context): void {
    try {
      const result: unknown = layer.exit?.(outcome, state, context)
      if (result instanceof Promise) result.catch(thrown => observe(this.#scope.onDefect, thrown))
    } catch (thrown) {
      observe(this.#scope.onDefect, thrown)
    }
  }
}
