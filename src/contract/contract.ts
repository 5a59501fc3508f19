// A contract: the methods of a service with their schemas, which server, client, tests and documentation share.

import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type DomainFailure, isEither } from '../core/index.js'
import type { ToJsonSchema } from './json-schema.js'
import type { AnyMethod, FailureDef, Method } from './method.js'
import type { Schema } from './schema.js'
import { type MethodSpec, specOf } from './spec.js'

type DefsOf<X> = X extends Method<infer _Rq, infer _Rs, infer F> ? F : never
type TagsOf<M> = { [K in keyof M]: keyof DefsOf<M[K]> & string }[keyof M]
type DefOf<M, Tag> = { [K in keyof M]: Tag extends keyof DefsOf<M[K]> ? DefsOf<M[K]>[Tag] : never }[keyof M]
type DetailsOf<Def> = Def extends FailureDef<infer D extends Schema> ? StandardSchemaV1.InferInput<D> : never

/** The declared failures of a contract's methods, as functions that make them: `Orders.failures.OutOfStock({ sku })`. */
export type FailureMakers<M> = {
  readonly [Tag in TagsOf<M>]: (details: DetailsOf<DefOf<M, Tag>>) => DomainFailure<Tag, DetailsOf<DefOf<M, Tag>>>
}

/** A service's methods. */
export interface Contract<M extends Readonly<Record<string, AnyMethod>>> {
  /** `shop.v1.Orders`: package, version and service, as in gRPC. */
  readonly name: string
  readonly methods: M
  readonly failures: FailureMakers<M>
  /** The methods worked out, for transports and documentation. */
  readonly specs: ReadonlyMap<string, MethodSpec>
}

/** Options of {@link contract}. */
export interface ContractOptions {
  /** For schemas whose library does not implement Standard JSON Schema: `toJsonSchema` of `@valibot/to-json-schema`. */
  readonly toJsonSchema?: ToJsonSchema
}

/**
 * Makes a contract. Throws `TypeError`, naming method and field, for what cannot be served: a field that JSON cannot carry,
 * a path parameter that is no field, a list in a path, one tag with two meanings.
 *
 * @param name - letters, digits, `_` and dots: `shop.v1.Orders`
 *
 * @example
 * ```ts
 * import { contract, failure, method } from 'tenon'
 * import { z } from 'zod'
 *
 * export const Stock = contract('shop.v1.Stock', {
 *   reserve: method({
 *     request: z.object({ sku: z.string(), count: z.int().positive() }),
 *     response: z.object({ left: z.int() }),
 *     failures: { OutOfStock: failure('failed_precondition', z.object({ sku: z.string() })) },
 *     idempotency: 'unsafe',
 *     http: { post: '/stock/{sku}:reserve' },
 *   }),
 * })
 * ```
 */
export function contract<M extends Readonly<Record<string, AnyMethod>>>(
  name: string,
  methods: M,
  options: ContractOptions = {},
): Contract<M> {
  if (!/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(name))
    throw new TypeError(`contract: '${name}' is not a service name like shop.v1.Orders`)
  const specs = new Map<string, MethodSpec>()
  for (const [key, definition] of Object.entries(methods)) {
    if (!/^[A-Za-z]\w*$/.test(key)) throw new TypeError(`${name}: '${key}' is not a method name`)
    const described = definition as unknown as Method // made by `method`; checked in `specOf`
    specs.set(key, specOf(name, key, described, options.toJsonSchema))
  }
  checkRoutes(name, specs)
  return Object.freeze({ name, methods, failures: makersOf<M>(name, methods), specs })
}

/** Two methods with one path and verb could not be told apart. */
function checkRoutes(name: string, specs: ReadonlyMap<string, MethodSpec>): void {
  const taken = new Map<string, string>()
  for (const [key, { http }] of specs) {
    const route = `${http.verb} ${http.pattern.replace(/\{[^}]*\}/g, '{}')}`
    const other = taken.get(route)
    if (other !== undefined)
      throw new TypeError(`${name}: ${other} and ${key} have the same route, ${http.verb} ${http.pattern}`)
    taken.set(route, key)
  }
}

function makersOf<M>(name: string, methods: Readonly<Record<string, AnyMethod>>): FailureMakers<M> {
  const defs = new Map<string, FailureDef>()
  const makers: Record<string, (details: unknown) => DomainFailure> = {}
  for (const definition of Object.values(methods) as unknown as Method[]) {
    for (const [tag, def] of Object.entries(definition.failures ?? {})) {
      if (defs.has(tag) && defs.get(tag) !== def) {
        throw new TypeError(
          `${name}: the failure '${tag}' is declared twice, differently: declare it once and use it in both methods`,
        )
      }
      defs.set(tag, def)
      makers[tag] = details => {
        if (isEither(details)) throw new TypeError(`${name}: ${tag} takes its details, not an Either`)
        return { _tag: tag, details }
      }
    }
  }
  return Object.freeze(makers) as FailureMakers<M> // one per declared tag
}
