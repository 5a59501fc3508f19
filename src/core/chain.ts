// Composition. `chain(a, b, c)(endpoint)` is `a(b(c(endpoint)))`: the first is outermost, as in Go kit.
import type { Middleware, Provider } from './endpoint.js'

type AnyMiddleware = (next: never) => unknown

/** Composes middleware, outermost first, into one; with a provider first, into a provider. `chain()` changes nothing. */
export function chain<P>(outermost: Provider<P>, ...others: readonly Middleware[]): Provider<P>
export function chain(...middleware: readonly Middleware[]): Middleware
export function chain(...middleware: readonly AnyMiddleware[]): unknown {
  for (const [i, each] of middleware.entries()) {
    if (typeof each !== 'function') throw new TypeError(`chain: argument ${i + 1} is not a middleware`)
  }
  return (endpoint: unknown) => middleware.reduceRight<unknown>((next, outer) => outer(next as never), endpoint)
}
