// Whether no value fits two schemas: what keeps the alternatives of a `oneOf` apart. Cautious: false where it cannot tell.
import type { JsonSchema } from './json-schema.js'
import { isOneOf, refusedValues, typesOf, valuesOf } from './scalar-gaps.js'
import { isNever, propertiesOf, requiredOf, type SchemaParts } from './schema-parts.js'

/** The documents that the two schemas are of. */
interface Documents {
  readonly from: SchemaParts
  readonly to: SchemaParts
}

/** Tags are near the top. */
const maxDepth = 4

/** Whether no value that `a` sends fits `b`. */
export function areDisjoint(a: JsonSchema, b: JsonSchema, documents: Documents, depth = 0): boolean {
  if (depth > maxDepth) return false
  const [sent, read] = [documents.from.cases(a), documents.to.cases(b)]
  return sent.every(x => read.every(y => areApart(x, y, documents, depth)))
}

function areApart(a: JsonSchema, b: JsonSchema, documents: Documents, depth: number): boolean {
  if (isNever(a) || isNever(b)) return true
  const [sent, read] = [typesOf(a), typesOf(b)]
  if (sent !== undefined && read !== undefined && !sent.some(x => read.some(y => isOneOf(x, [y]) || isOneOf(y, [x]))))
    return true
  const values = valuesOf(a)
  if (values !== undefined) {
    const { type, const: constant, enum: list } = b
    const known = {
      ...(type !== undefined && { type }),
      ...('const' in b && { const: constant }),
      ...('enum' in b && { enum: list }),
    }
    return refusedValues(values, known)?.length === values.length
  }
  const areObjects = [sent, read].every(types => types?.every(type => type === 'object'))
  return areObjects && objectsAreApart(a, b, documents, depth)
}

function objectsAreApart(a: JsonSchema, b: JsonSchema, documents: Documents, depth: number): boolean {
  const [sent, read] = [propertiesOf(a), propertiesOf(b)]
  const isClosed = !a['additionalProperties'] && a['patternProperties'] === undefined
  const needed = requiredOf(b)
  const always = requiredOf(a)
  if (isClosed && [...needed].some(name => !always.has(name) && !Object.hasOwn(sent, name))) return true
  return [...new Set([...needed, ...always])].some(name => {
    const [x, y] = [sent[name], read[name]]
    return x !== undefined && y !== undefined && areDisjoint(x, y, documents, depth + 1)
  })
}
