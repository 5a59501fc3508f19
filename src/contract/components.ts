// The named schemas of an OpenAPI document. A JSON Schema refers to its own root; put into a larger document its parts need
// names there, and its references must follow.
import { codes } from '../core/index.js'
import type { JsonSchema } from './json-schema.js'
import type { FailureSpec } from './spec.js'
import { statusOf } from './status.js'

const prefix = '#/components/schemas/'

/** The parts of an object's schema that parameters are made of. */
export interface ObjectParts {
  readonly properties: Readonly<Record<string, JsonSchema>>
  readonly required: readonly string[]
}

/** Collects schemas under names. */
export class Components {
  readonly #schemas: Map<string, JsonSchema> = new Map()

  /** Everything collected, by name. */
  schemas(): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries(this.#schemas)
  }

  /** Puts a message's schema under a name, with its definitions beside it, and gives a reference to it. */
  message(name: string, schema: JsonSchema | undefined): JsonSchema {
    if (!this.#schemas.has(name)) {
      const { $defs, ...rest } = schema ?? { type: 'object' }
      this.#schemas.set(name, moved(rest, name))
      for (const [def, part] of Object.entries(isSchema($defs) ? $defs : {})) {
        if (isSchema(part)) this.#schemas.set(nameOf(name, def), moved(part, name))
      }
    }
    return { $ref: prefix + name }
  }

  /** The properties of a message, with those of its parts. */
  objectOf(schema: JsonSchema): ObjectParts {
    const resolved = this.#resolve(schema)
    const parts = Array.isArray(resolved['allOf'])
      ? resolved['allOf'].filter(isSchema).map(part => this.objectOf(part))
      : []
    const own = isSchema(resolved['properties']) ? resolved['properties'] : {}
    const required = Array.isArray(resolved['required']) ? resolved['required'].map(String) : []
    return {
      properties: Object.assign(this.#anyOf(resolved), ...parts.map(part => part.properties), own),
      required: [...parts.flatMap(part => part.required), ...required],
    }
  }

  /** The properties of a choice between objects: each may be as any of them has it, and none is always there. */
  #anyOf({ anyOf, oneOf }: JsonSchema): Record<string, JsonSchema> {
    const alternatives = [anyOf, oneOf].filter(Array.isArray).flat().filter(isSchema)
    const byName = new Map<string, JsonSchema[]>()
    for (const { properties } of alternatives.map(each => this.objectOf(each))) {
      for (const [name, each] of Object.entries(properties)) byName.set(name, [...(byName.get(name) ?? []), each])
    }
    const merged = [...byName].map(([name, all]) => [name, all.length === 1 ? all[0] : { anyOf: all }])
    return Object.fromEntries(merged)
  }

  /** The message without some of its properties: what is left for the body. */
  without(schema: JsonSchema, names: readonly string[]): JsonSchema {
    const { properties, required } = this.objectOf(schema)
    const left = Object.fromEntries(Object.entries(properties).filter(([name]) => !names.includes(name)))
    const needed = required.filter(name => !names.includes(name))
    return { type: 'object', properties: left, ...(needed.length > 0 && { required: needed }) }
  }

  /** Problem details as failures have them. */
  problem(): JsonSchema {
    return this.message('Problem', {
      type: 'object',
      description: 'A failure, as problem details (RFC 9457).',
      properties: {
        type: { type: 'string' },
        title: { type: 'string' },
        status: { type: 'integer' },
        detail: { type: 'string' },
        code: { type: 'string', enum: [...codes] },
        reason: { type: 'string', description: 'A stable id to switch on.' },
        details: { type: 'object' },
      },
      required: ['status', 'code', 'reason'],
    })
  }

  /** Problem details of one declared failure. */
  failure(name: string, tag: string, { code, jsonSchema }: FailureSpec): JsonSchema {
    const inner = this.message(`${name}.Details`, jsonSchema)
    return this.message(name, {
      type: 'object',
      properties: {
        type: { type: 'string' },
        title: { type: 'string' },
        status: { const: statusOf(code, tag) },
        detail: { type: 'string' },
        code: { const: code },
        reason: { const: tag },
        details: inner,
      },
      required: ['status', 'code', 'reason', 'details'],
    })
  }

  #resolve(schema: JsonSchema): JsonSchema {
    let current = schema
    for (let depth = 0; depth < 32; depth++) {
      const ref = current['$ref']
      if (typeof ref !== 'string') return current
      current = this.#schemas.get(ref.slice(prefix.length)) ?? {}
    }
    return current
  }
}

/** A schema with its references turned to the document's. */
function moved(schema: JsonSchema, name: string): JsonSchema {
  const move = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(move)
    if (!isSchema(node)) return node
    const copy: Record<string, unknown> = {}
    for (const [key, value] of Object.entries(node)) {
      copy[key] = key === '$ref' && typeof value === 'string' ? moveRef(value, name) : move(value)
    }
    return copy
  }
  return move(schema) as JsonSchema // a schema is an object and stays one
}

function moveRef(ref: string, name: string): string {
  if (ref.startsWith(prefix)) return ref // one of ours
  const def = /^#\/\$defs\/([^/]*)(.*)$/.exec(ref)
  if (def !== null) return prefix + nameOf(name, unescaped(def[1] ?? '')) + (def[2] ?? '')
  return ref.startsWith('#') ? prefix + name + ref.slice(1) : ref
}

/** OpenAPI allows letters, digits and `._-` in the names of components; libraries take what their users write. */
function nameOf(message: string, def: string): string {
  const safe = def.replaceAll(/[^\w.-]/g, letter => `_${letter.codePointAt(0)?.toString(16)}_`)
  return `${message}.${safe}`
}

/** A step of a JSON pointer in a URI. */
function unescaped(step: string): string {
  return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
