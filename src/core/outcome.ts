// What came of a call, as the layers see it: success with any response, or a failure.
import type { Either } from 'fp-ts/lib/Either.js'
import type { DomainFailure, Failure } from './failure.js'

/** The outcome of a call. Of a stream: `Right` when it ended in order, `Left` when it failed or was abandoned. */
export type Outcome = Either<Failure | DomainFailure, unknown>

/** The outcome of a call that failed. */
export type Failed = Extract<Outcome, { readonly _tag: 'Left' }>

/** The outcome of a call that succeeded. */
export type Succeeded = Extract<Outcome, { readonly _tag: 'Right' }>

/** A value, or the promise of one. */
export type Awaitable<T> = T | Promise<T>

/** Whether a value must be awaited: a promise of any make. One that is missed would let a call past its `authenticate`. */
export function isPromise<T>(value: Awaitable<T> | PromiseLike<T>): value is Promise<T> {
  if (typeof value !== 'object' || value === null) return false
  return typeof (value as { readonly then?: unknown }).then === 'function' // any object may be asked
}

/**
 * Calls `next` with a value: at once where it is there, when it comes where it is a promise, of any make. A query of a database is one,
 * though it is no `Promise`: code that asks `instanceof Promise` takes it for the answer.
 */
export function andThen<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(value) ? Promise.resolve(value).then(next) : next(value)
}
