// What differs in the path and the query of an operation.
import { asObject, type Change, contentOf, join, type Pair, requestGaps } from './diff-pair.js'
import type { JsonSchema } from './json-schema.js'
import { propertiesOf } from './schema-parts.js'

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
    if (later === undefined) {
      const elsewhere = placeNow(pair, String(parameter['name']), next)
      add(
        place,
        elsewhere === undefined ? 'is no longer read' : `is now read from ${elsewhere}`,
        elsewhere !== undefined,
      )
    } else {
      for (const gap of requestGaps(pair, parameter['schema'], later['schema']))
        add(join(place, gap.path), gap.reason, true)
    }
  }
  return changes
}

/** Where a field that was a parameter is read from now. */
function placeNow({ is, after }: Pair, name: string, next: ReadonlyMap<string, JsonSchema>): string | undefined {
  const parameter = [...next.values()].find(each => each['name'] === name)
  if (parameter !== undefined) return `the ${String(parameter['in'])}`
  const [body] = contentOf(is['requestBody']).values()
  const isInBody = after.cases(asObject(body)).some(each => Object.hasOwn(propertiesOf(each), name))
  return isInBody ? 'the body' : undefined
}

function byPlace(parameters: unknown): ReadonlyMap<string, JsonSchema> {
  const list = Array.isArray(parameters) ? parameters.map(asObject) : []
  return new Map(list.map(each => [`${String(each['in'])} ${String(each['name'])}`, each]))
}
