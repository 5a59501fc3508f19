// What differs in the path and the query of an operation.
import { asObject, type Change, join, type Pair, requestGaps } from './diff-pair.js'
import type { JsonSchema } from './json-schema.js'

/** Changes of parameters: all are of requests. */
export function parameterChanges(pair: Pair): readonly Change[] {
  const { operation, was, is } = pair
  const [old, next] = [byPlace(was['parameters']), byPlace(is['parameters'])]
  const changes: Change[] = []
  const add = (where: string, reason: string, breaking: boolean): void => {
    changes.push({ direction: 'request', breaking, operation, where, reason })
  }
  for (const [place, { required }] of next) {
    const earlier = old.get(place)
    const isRequired = required === true
    if (earlier === undefined) add(place, isRequired ? 'is new and required' : 'is new and optional', isRequired)
    else if (isRequired && earlier['required'] !== true) add(place, 'was optional and is required', true)
  }
  for (const [place, parameter] of old) {
    const later = next.get(place)
    if (later === undefined) add(place, 'is no longer read', false)
    else {
      for (const gap of requestGaps(pair, parameter['schema'], later['schema']))
        add(join(place, gap.path), gap.reason, true)
    }
  }
  return changes
}

function byPlace(parameters: unknown): ReadonlyMap<string, JsonSchema> {
  const list = Array.isArray(parameters) ? parameters.map(asObject) : []
  return new Map(list.map(each => [`${String(each['in'])} ${String(each['name'])}`, each]))
}
