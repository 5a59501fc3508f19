// Which differences between two versions of an API break whom. A request must still be accepted by the new server; a response
// must still be understood by old clients. Read off OpenAPI documents, because these are what is kept of an old version.
import { bodyChanges, responseChanges } from './diff-bodies.js'
import { asObject, type Change, type Pair, partsOf } from './diff-pair.js'
import { parameterChanges } from './diff-parameters.js'
import type { JsonSchema } from './json-schema.js'

/**
 * Compares two OpenAPI 3.1 documents that {@link openapi} made. Breaking changes come first; where it cannot tell, as with a changed
 * pattern, it says that a change breaks. Fields that a schema does not declare are taken not to be sent.
 *
 * @example
 * ```ts
 * import { contract, diff, method, openapi } from 'tenon/contract'
 * import { z } from 'zod'
 *
 * const stock = (count: z.ZodType<number>) =>
 *   contract('shop.v1.Stock', {
 *     reserve: method({ request: z.object({ count }), response: z.object({}), idempotency: 'unsafe' }),
 *   })
 * for (const { breaking, operation, where, reason } of diff(openapi(stock(z.int())), openapi(stock(z.int().min(1)))))
 *   console.log(breaking, operation, where, reason) // true POST /shop.v1.Stock/reserve body.count minimum was …
 * ```
 */
export function diff(before: JsonSchema, after: JsonSchema): readonly Change[] {
  const [old, next] = [operationsOf(before), operationsOf(after)]
  const parts = { before: partsOf(before), after: partsOf(after) }
  const moved = new Map([...next].map(([operation, each]) => [each['operationId'], operation]))
  const changes: Change[] = []
  for (const [operation, was] of old) {
    const is = next.get(operation)
    if (is !== undefined) {
      changes.push(...operationChanges({ operation, was, is, ...parts }))
      continue
    }
    const place = was['operationId'] === undefined ? undefined : moved.get(was['operationId'])
    const reason = place === undefined ? 'is gone' : `is now ${place}`
    changes.push({ direction: 'both', breaking: true, operation, where: '', reason })
  }
  for (const operation of next.keys()) {
    if (!old.has(operation))
      changes.push({ direction: 'both', breaking: false, operation, where: '', reason: 'is new' })
  }
  return changes.sort((a, b) => Number(b.breaking) - Number(a.breaking))
}

function operationChanges(pair: Pair): readonly Change[] {
  return [...methodChanges(pair), ...parameterChanges(pair), ...bodyChanges(pair), ...responseChanges(pair)]
}

const ranks = ['unsafe', 'idempotent', 'safe']

function methodChanges({ operation, was, is }: Pair): readonly Change[] {
  const changes: Change[] = []
  const add = (direction: Change['direction'], breaking: boolean, reason: string): void => {
    changes.push({ direction, breaking, operation, where: '', reason })
  }
  if (was['operationId'] !== is['operationId'])
    add('both', true, `was the method ${String(was['operationId'])} and is ${String(is['operationId'])}`)
  const [old, next] = [String(was['x-idempotency']), String(is['x-idempotency'])]
  if (ranks.includes(next) && ranks.indexOf(next) < ranks.indexOf(old))
    add('request', true, `was ${old} and is ${next}: old clients retry it as before`)
  const [oldWays, newWays] = [waysIn(was), waysIn(is)]
  for (const way of oldWays) {
    const isEnough = newWays.some(each => each.every(scheme => way.includes(scheme)))
    const needed = newWays.map(each => each.join(' with ')).join(' or ')
    if (!isEnough)
      add('request', true, `needs ${needed}, and ${way.length === 0 ? 'nothing' : way.join(' with ')} was enough`)
  }
  if (is['deprecated'] === true && was['deprecated'] !== true) add('both', false, 'is deprecated')
  return changes
}

/** The sets of security schemes of which each lets a caller in. */
function waysIn({ security }: JsonSchema): readonly (readonly string[])[] {
  const ways = Array.isArray(security) ? security.map(each => Object.keys(asObject(each))) : []
  return ways.length === 0 ? [[]] : ways
}

function operationsOf(document: JsonSchema): ReadonlyMap<string, JsonSchema> {
  const operations = new Map<string, JsonSchema>()
  for (const [path, verbs] of Object.entries(asObject(document['paths']))) {
    for (const [verb, operation] of Object.entries(asObject(verbs)))
      operations.set(`${verb.toUpperCase()} ${path}`, asObject(operation))
  }
  return operations
}
