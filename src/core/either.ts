// `left` and `right`: our own literals of fp-ts's Either, so that core loads no fp-ts at run time. They carry a brand on
// their prototype, because in a plain handler only an Either made here counts as one: a response that merely looks like
// `{ _tag: 'Left' }` (an echo of a caller's data, say) must not be able to pose as a failure.
import type { Either } from 'fp-ts/lib/Either.js'

// A registered symbol: two copies of tenon in one process recognise each other's, and no JSON can contain it.
const brand: unique symbol = Symbol.for('tenon.either') as never

/** The failed side of an Either made by {@link left}; assignable to fp-ts's `Left<E>`. */
export class Left<out E> {
  declare private readonly ours: true // nominal: a look-alike is not assignable
  readonly _tag: 'Left' = 'Left'
  readonly left: E
  constructor(value: E) {
    this.left = value
  }
}

/** The successful side of an Either made by {@link right}; assignable to fp-ts's `Right<A>`. */
export class Right<out A> {
  declare private readonly ours: true // nominal: a look-alike is not assignable
  readonly _tag: 'Right' = 'Right'
  readonly right: A
  constructor(value: A) {
    this.right = value
  }
}

for (const side of [Left, Right]) Object.defineProperty(side.prototype, brand, { value: true })

/** A failure: what a handler returns instead of a response. The same shape as fp-ts's `E.left`. */
export function left<E>(failure: E): Left<E> {
  return new Left(failure)
}

/** A success. The same shape as fp-ts's `E.right`. In a plain handler returning the bare response means the same. */
export function right<A>(response: A): Right<A> {
  return new Right(response)
}

/** Whether `value` was made by {@link left} or {@link right}; a look-alike (fp-ts's own, or parsed JSON) was not. */
export function isEither(value: unknown): value is Either<unknown, unknown> {
  return typeof value === 'object' && value !== null && brand in value
}

/** Narrows to the failed side, of our Eithers and fp-ts's alike. */
export function isLeft<E, A>(either: Either<E, A>): either is Extract<Either<E, A>, { _tag: 'Left' }> {
  return either._tag === 'Left'
}

/** Narrows to the successful side, of our Eithers and fp-ts's alike. */
export function isRight<E, A>(either: Either<E, A>): either is Extract<Either<E, A>, { _tag: 'Right' }> {
  return either._tag === 'Right'
}
