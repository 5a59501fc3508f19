// Starts what is innermost in a stack, and tells whoever is around it what came of that. Each piece is small, and what is rare is apart:
// the engine inlines only so much, and this is part of every call.
import { type Context, carriedOf } from './context.js'
import { type Awaitable, isPromise, type Outcome } from './outcome.js'
import type { Part } from './part.js'
import type { Receiver } from './receiver.js'
import type { Scope } from './scope.js'
import type { Leaf } from './stack.js'

/** Starts a leaf, whose outcome `outer` gets. Never throws and never rejects. */
export function startLeaf(leaf: Leaf, request: unknown, context: Context, outer?: Receiver): Awaitable<Outcome> {
  const { scope, part } = carriedOf(context)
  const { runs } = scope
  // Whoever raced this against something else may have its answer long before this work ends.
  part.hold()
  let value: unknown
  try {
    value = leaf.start(request, context)
    if (isPromise(value)) return following(value, { leaf, scope, part, runs, outer })
  } catch (thrown) {
    return ended(leaf.caught(thrown, scope, runs), part, outer)
  }
  return ended(settled(value, leaf, scope, runs), part, outer)
}

/** A leaf at work. */
interface Work {
  readonly leaf: Leaf
  readonly scope: Scope
  readonly part: Part
  readonly runs: number
  readonly outer: Receiver | undefined
}

/** The outcome of a leaf that gave a promise, of any make. */
function following(value: Promise<unknown>, { leaf, scope, part, runs, outer }: Work): Promise<Outcome> {
  const promise = value instanceof Promise ? value : Promise.resolve(value)
  const awaited = outer?.promise()
  const followed = promise.then(
    result => spared(ended(settled(result, leaf, scope, runs), part, outer), awaited),
    thrown => spared(ended(leaf.caught(thrown, scope, runs), part, outer), awaited),
  )
  return awaited ?? (followed as Promise<Outcome>) // it is not spared then
}

/** Where nobody has the promise it is spared its outcome: a promise looks for a `then` in each object that it gets. */
function spared(outcome: Awaitable<Outcome>, awaited: Promise<Outcome> | undefined): Awaitable<Outcome> | undefined {
  return awaited === undefined ? outcome : undefined
}

function ended(outcome: Outcome, part: Part, outer: Receiver | undefined): Awaitable<Outcome> {
  part.release()
  return outer === undefined ? outcome : outer.complete(outcome)
}

function settled(result: unknown, leaf: Leaf, scope: Scope, runs: number): Outcome {
  try {
    return leaf.settle(result, scope, runs)
  } catch (thrown) {
    return leaf.caught(thrown, scope, runs) // a Proxy may refuse to be looked at
  }
}
