// What differs in the bodies of an operation: of its request, of its success, of its failures.
import { asObject, type Change, contentOf, join, type Pair, requestGaps, responseGaps } from './diff-pair.js'
import type { JsonSchema } from './json-schema.js'
import { propertiesOf } from './schema-parts.js'

/** Changes of the request's body. */
export function bodyChanges(pair: Pair): readonly Change[] {
  const { operation, was, is } = pair
  const [old, next] = [contentOf(was['requestBody']), contentOf(is['requestBody'])]
  const changes: Change[] = []
  const add = (where: string, reason: string, breaking = true): void => {
    changes.push({ direction: 'request', breaking, operation, where, reason })
  }
  const isRequired = asObject(is['requestBody'])['required'] === true
  if (isRequired && asObject(was['requestBody'])['required'] !== true)
    add('body', old.size === 0 ? 'is new and required' : 'was optional and is required')
  for (const [type, from] of old) {
    if (next.size === 0) add('body', 'is no longer read', false)
    else if (!next.has(type)) add('body', `was ${type} and is ${[...next.keys()].join(' or ')}`)
    else for (const { path, reason } of requestGaps(pair, from, next.get(type))) add(join('body', path), reason)
  }
  return changes
}

/** Changes of what comes back. */
export function responseChanges(pair: Pair): readonly Change[] {
  return [...successChanges(pair), ...failureChanges(pair)]
}

function successChanges(pair: Pair): readonly Change[] {
  const { operation, was, is } = pair
  const [[oldStatus, old] = [], [status = '', response] = []] = [successOf(was), successOf(is)]
  const changes: Change[] = []
  const add = (where: string, reason: string): void => {
    changes.push({ direction: 'response', breaking: true, operation, where, reason })
  }
  if (oldStatus !== status) add('', `success was ${oldStatus} and is ${status}`)
  const next = contentOf(response)
  for (const [type, from] of contentOf(old)) {
    if (!next.has(type)) add(status, `was ${type} and is ${[...next.keys()].join(' or ')}`)
    else for (const { path, reason } of responseGaps(pair, from, next.get(type))) add(join(status, path), reason)
  }
  return changes
}

function successOf({ responses }: JsonSchema): [status: string, response: unknown] | undefined {
  return Object.entries(asObject(responses)).find(([status]) => status.startsWith('2'))
}

function failureChanges(pair: Pair): readonly Change[] {
  const { operation, was, is, before, after } = pair
  const [old, next] = [failuresOf(was, before), failuresOf(is, after)]
  const changes: Change[] = []
  const add = (where: string, reason: string, breaking: boolean): void => {
    changes.push({ direction: 'response', breaking, operation, where, reason })
  }
  for (const [tag, { status, details }] of next) {
    const earlier = old.get(tag)
    if (earlier === undefined) {
      add(tag, `is a new failure (${status}), which old clients see as UNKNOWN_DOMAIN_FAILURE`, false)
      continue
    }
    if (earlier.status !== status) add(tag, `was answered with ${earlier.status} and is with ${status}`, true)
    for (const { path, reason } of responseGaps(pair, earlier.details, details)) add(join(tag, path), reason, true)
  }
  for (const tag of old.keys()) if (!next.has(tag)) add(tag, 'no longer happens', false)
  return changes
}

/** A declared failure. */
interface Declared {
  readonly status: string
  readonly details: JsonSchema
}

/** The declared failures by tag: `openapi` describes each by problem details with its tag as the only `reason`. */
function failuresOf({ responses }: JsonSchema, parts: Pair['before']): ReadonlyMap<string, Declared> {
  const found = new Map<string, Declared>()
  for (const [status, response] of Object.entries(asObject(responses))) {
    const schema = contentOf(response).get('application/problem+json')
    for (const each of schema === undefined ? [] : parts.cases(asObject(schema))) {
      const { reason, details } = propertiesOf(each)
      const tag = reason?.['const']
      if (typeof tag === 'string') found.set(tag, { status, details: details ?? {} })
    }
  }
  return found
}
