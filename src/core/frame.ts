// Runs a list of layers around a leaf as one function: one object and one promise for any number of layers, where
// closures cost a promise and two microtasks each. A layer may also put a part of the call around the rest, to bound it, and may
// give something else where the rest has failed: then those further out wait, and nobody else pays.
import { observe, reportRejection } from './call-error.js'
import { type Context, carriedOf } from './context.js'
import { left, right } from './either.js'
import type { Failure } from './failure.js'
import { answeredLater, type Entered, type Inner, type Layer, type Next } from './layer.js'
import { type Awaitable, type Failed, isPromise, type Outcome } from './outcome.js'
import { closeLate, type Part } from './part.js'
import { type Receiver, Told } from './receiver.js'
import type { Dependent, Scope } from './scope.js'
import { outcomeOf, relayed, type Stack, stackKey } from './stack.js'
import { startLeaf } from './start-leaf.js'
import { CallStream, isStream, watchItems } from './stream.js'

/** Runs a stack in the call that the context belongs to. Never throws and never rejects. */
export function runStack(stack: Stack, request: unknown, context: Context): Awaitable<Outcome> {
  const { scope } = carriedOf(context)
  return scope.ended === undefined ? run(stack, request, context) : left(scope.ended)
}

/**
 * Runs a stack as all that happens in a scope, a call or a part of one, which begins and ends with it; where that cannot begin, tells
 * why. Its outcome goes to `outer`, if any. Never throws and never rejects.
 */
export function runScope(stack: Stack, request: unknown, context: Context, outer?: Receiver): Awaitable<Outcome> {
  const { scope } = carriedOf(context)
  const refused = scope.begin(outer)
  if (refused !== undefined) return outer === undefined ? left(refused) : outer.complete(left(refused))
  const outcome = run(stack, request, context, scope)
  scope.hasBegun()
  return outcome
}

function run(stack: Stack, request: unknown, context: Context, outer?: Receiver): Awaitable<Outcome> {
  carriedOf(context).scope.runs++
  // By one name for both: the engine, which inlines no more than so much, compiles the way into a call and each of these apart.
  const start = stack.layers.length > 0 ? runLayers : runLeaf
  return start(stack, request, context, outer)
}

function runLayers(stack: Stack, request: unknown, context: Context, outer?: Receiver): Awaitable<Outcome> {
  return new Frame(stack, request, context, outer).run()
}

function runLeaf({ leaf }: Stack, request: unknown, context: Context, outer?: Receiver): Awaitable<Outcome> {
  return startLeaf(leaf, request, context, outer)
}

/** What runs a stack: for those who decide whether, when and how often. */
export function nextOf(stack: Stack): Next {
  stack.next ??= Object.defineProperty<Next>((request, context) => runStack(stack, request, context), stackKey, {
    value: stack,
  })
  return stack.next
}

class Frame implements Dependent, Receiver, Inner {
  newer: Dependent | undefined = undefined
  older: Dependent | undefined = undefined
  private readonly stack: Stack
  private readonly request: unknown
  private readonly scope: Scope
  private readonly part: Part
  private outer: Receiver | undefined
  /** The context around the first layer. */
  private readonly outside: Context
  /** What the only layer of a stack gave, if it entered: an array for one would be a third of the frame. */
  private state: unknown = undefined
  /** What each of several that entered gave and got: its state and its context, in turn. */
  private readonly entered: unknown[] | undefined
  /** How much work went on in the call when the first layer was entered: what there is more has begun further in. */
  private readonly workOutside: number
  /** How many layers are in: have entered, and not exited. */
  private count = 0
  private context: Context
  /** What the layers that were in at the end have been told. */
  private outcome: Outcome | undefined = undefined
  private stream: CallStream | undefined = undefined

  constructor(stack: Stack, request: unknown, context: Context, outer: Receiver | undefined) {
    const { scope, part } = carriedOf(context)
    this.stack = stack
    this.request = request
    this.outside = context
    this.context = context
    this.scope = scope
    this.part = part
    this.outer = outer
    this.entered = stack.layers.length === 1 ? undefined : new Array(2 * stack.layers.length)
    this.workOutside = part.work
    scope.attach(this)
  }

  get outlives(): boolean {
    return true
  }

  /** What is further in than the layer that enters. */
  get next(): Next {
    return nextOf(this.stack.after(this.count + 1))
  }

  run(): Awaitable<Outcome> {
    const { layers, leaf, watchesItems } = this.stack
    while (true) {
      // A layer that gave a part of the call as context is around that, and no longer around the call.
      if (this.context !== this.outside && this.isAroundPart()) return this.runPart()
      if (this.count === layers.length)
        return startLeaf(leaf, watchesItems ? this.watched() : this.request, this.context, this)
      const refused = this.enter(layers[this.count] as Layer<unknown>) // there are as many
      if (refused !== undefined)
        return refused instanceof Promise ? (this.promise() ?? refused) : this.complete(refused)
    }
  }

  /** Enters a layer, or gives what it refuses with; or the outcome of all, where it wants to wait. */
  private enter(layer: Layer<unknown>): Awaitable<Outcome> | undefined {
    try {
      const entered = layer.enter?.(this.context, this.request, this)
      return isPromise(entered) ? this.resume(layer, entered) : this.accept(layer, entered)
    } catch (thrown) {
      return this.scope.caught(thrown)
    }
  }

  private async resume(layer: Layer<unknown>, entering: Promise<Entered<unknown>>): Promise<Outcome> {
    let refused: Awaitable<Outcome> | undefined
    try {
      refused = this.accept(layer, await entering)
    } catch (thrown) {
      refused = this.scope.caught(thrown)
    }
    if (refused === undefined) return this.run()
    return refused instanceof Promise ? refused : this.complete(refused)
  }

  /** Whether the last layer gave the context of a part that has not begun. */
  private isAroundPart(): boolean {
    const { scope, part } = carriedOf(this.context)
    return scope === this.scope ? part !== this.part : scope.isPartOf(this.scope)
  }

  private runPart(): Awaitable<Outcome> {
    const { stack, scope } = this
    const request = stack.watchesItems ? this.watched() : this.request
    const runIn = carriedOf(this.context).scope === scope ? run : runScope
    return runIn(stack.after(this.count), request, this.context, this)
  }

  /** A layer has entered, or gives what it refuses with. */
  private accept(layer: Layer<unknown>, entered: Entered<unknown>): Awaitable<Outcome> | undefined {
    let state: unknown
    if (entered !== undefined) {
      if (entered._tag !== undefined) return entered === answeredLater ? this.later() : entered
      state = entered.state
      if (entered.context !== undefined) this.context = entered.context
    }
    if (this.outcome !== undefined) return this.takeBack(layer, state, this.outcome)
    this.keep(this.count++, state)
    return undefined
  }

  private keep(at: number, state: unknown): void {
    if (this.entered === undefined) this.state = state
    else {
      this.entered[2 * at] = state
      this.entered[2 * at + 1] = this.context
    }
  }

  /** What the layer at `at` gave to have back. */
  private stateOf(at: number): unknown {
    return this.entered === undefined ? this.state : this.entered[2 * at]
  }

  /** The context within the layer at `at`, which has entered. */
  private contextOf(at: number): Context {
    return this.entered === undefined ? this.context : (this.entered[2 * at + 1] as Context) // one for each that is in
  }

  /** Somebody will tell {@link complete}. */
  private later(): Promise<Outcome> {
    if (this.outer instanceof Frame) return this.outer.later()
    this.outer ??= new Told()
    return this.outer.promise() as Promise<Outcome> // all but frames have one
  }

  /** The call ended while the layer was entering: what it took, its exit gives back. */
  private takeBack(layer: Layer<unknown>, state: unknown, outcome: Outcome): Outcome {
    this.exitLayer(layer, outcome, state, this.context)
    this.tellLayer(layer, state, this.context)
    return outcome
  }

  /** What is further in than all the layers has given its outcome. */
  complete(outcome: Outcome): Awaitable<Outcome> {
    if (outcome._tag === 'Left') return this.leave(outcome)
    return this.give(isStream(outcome.right) ? this.watch(outcome.right) : this.finish(outcome))
  }

  promise(): Promise<Outcome> | undefined {
    return this.outer?.promise()
  }

  private give(outcome: Outcome): Awaitable<Outcome> {
    return this.outer === undefined ? outcome : this.outer.complete(outcome)
  }

  /** Goes back out with an outcome, as far as the first layer that may give something else instead of a failure. */
  private leave(outcome: Outcome): Awaitable<Outcome> {
    if (outcome._tag === 'Right' || this.scope.ended !== undefined) return this.give(this.finish(outcome))
    const { layers } = this.stack
    let at = this.count - 1
    while (at >= 0 && layers[at]?.recover === undefined) at--
    if (at < 0) return this.give(this.finish(outcome))
    this.exitTo(at + 1, outcome)
    const recovered = this.recover(at, outcome)
    if (!(recovered instanceof Promise)) return this.recovered(at, recovered)
    this.part.hold() // it is work, which may go on when the call has ended
    const given = recovered.then(late => {
      this.part.release()
      return this.recovered(at, late)
    })
    return this.promise() ?? given
  }

  private recover(at: number, failed: Failed): Awaitable<Outcome> {
    if (this.outcome !== undefined) return this.outcome // an exit further in, or somebody else meanwhile, has ended the call
    const layer = this.stack.layers[at] as Layer<unknown> // it was found there
    const context = at === 0 ? this.outside : this.contextOf(at - 1)
    const settle = (value: unknown): Outcome => outcomeOf(value, layer.name, this.scope)
    const caught = (thrown: unknown): Outcome => relayed(this.scope.caught(thrown), true)
    try {
      const next = nextOf(this.stack.after(at + 1))
      const rest = { next, request: this.request, context }
      const value = layer.recover?.(failed, this.stateOf(at), rest)
      return isPromise(value) ? Promise.resolve(value).then(settle).catch(caught) : settle(value)
    } catch (thrown) {
      return caught(thrown)
    }
  }

  /** What a layer gives in place of a failure is what has come of the call, for it and for those further out. */
  private recovered(at: number, outcome: Outcome): Awaitable<Outcome> {
    const response = outcome._tag === 'Right' ? outcome.right : undefined
    if (this.outcome !== undefined || isStream(response)) return this.complete(outcome)
    this.exitTo(at, outcome)
    return this.leave(outcome)
  }

  /** Wraps a response stream, whose end is the layers' exit. */
  private watch(source: AsyncIterable<unknown>): Outcome {
    if (this.outcome !== undefined) {
      closeLate(source, this.part, this.scope.onDefect)
      return this.outcome
    }
    this.opened()
    this.part.hold()
    this.stream = new CallStream(source, {
      onDefect: this.scope.onDefect,
      ...(this.stack.watchesItems && { onItem: () => this.item('response') }),
      onEnd: ended => void this.finish(ended),
      onReleased: () => this.part.release(),
    })
    return right(this.stream)
  }

  private watched(): unknown {
    const request = this.request
    return isStream(request) ? watchItems(request, () => this.item('request')) : request
  }

  private item(of: 'request' | 'response'): void {
    const { layers } = this.stack
    for (let i = this.count - 1; i >= 0 && this.outcome === undefined; i--) {
      try {
        this.reportRejection(layers[i]?.item?.(of, this.stateOf(i), this.contextOf(i)))
      } catch (thrown) {
        observe(this.scope.onDefect, thrown)
      }
    }
  }

  private opened(): void {
    const { layers } = this.stack
    for (let i = this.count - 1; i >= 0; i--) {
      try {
        this.reportRejection(layers[i]?.opened?.(this.stateOf(i), this.contextOf(i)))
      } catch (thrown) {
        observe(this.scope.onDefect, thrown)
      }
    }
  }

  /** The call ended early: its deadline, a cancellation, an abandoned stream. */
  end(failure: Failure): void {
    this.finish(left(failure))
    this.stream?.fail(failure)
  }

  /** All layers that are in exit, and nothing can be given instead any more. */
  private finish(outcome: Outcome): Outcome {
    if (this.outcome !== undefined) return this.outcome
    this.outcome = outcome
    this.scope.detach(this)
    this.exitTo(0, outcome)
    return outcome
  }

  /** Those from `to` on exit, innermost first. Any of them may end the call, and with it the others. */
  private exitTo(to: number, outcome: Outcome): void {
    const { layers } = this.stack
    const count = this.count
    let last = count
    while (this.count > to) {
      last = --this.count
      const layer = layers[last] as Layer<unknown> // as many contexts as layers entered
      if (layer.exit !== undefined) this.exitLayer(layer, outcome, this.stateOf(last), this.contextOf(last))
    }
    if (this.stack.countsWork && last < count) this.whenSettled(last, count)
  }

  private whenSettled(from: number, to: number): void {
    if (this.part.work <= this.workOutside) this.tellSettled(from, to)
    else this.tellWhenSettled(from, to)
  }

  private tellWhenSettled(from: number, to: number): void {
    this.part.settled(() => this.tellSettled(from, to))
  }

  private tellSettled(from: number, to: number): void {
    for (let i = to - 1; i >= from; i--)
      this.tellLayer(this.stack.layers[i] as Layer<unknown>, this.stateOf(i), this.contextOf(i)) // as above
  }

  private tellLayer(layer: Layer<unknown>, state: unknown, context: Context): void {
    try {
      this.reportRejection(layer.settled?.(state, context))
    } catch (thrown) {
      observe(this.scope.onDefect, thrown)
    }
  }

  private exitLayer(layer: Layer<unknown>, outcome: Outcome, state: unknown, context: Context): void {
    try {
      this.reportRejection(layer.exit?.(outcome, state, context))
    } catch (thrown) {
      observe(this.scope.onDefect, thrown)
    }
  }

  /** What a layer does that is not awaited: an async function may be given where nothing is to be returned. */
  private reportRejection(result: unknown): void {
    if (isPromise(result)) reportRejection(result, this.scope.onDefect)
  }
}
