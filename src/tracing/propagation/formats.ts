// Several formats at once: a service between systems of different ages reads what its callers write, and writes what its callees read.
import type { Metadata } from '../../core/index.js'
import type { Propagator } from '../propagator.js'
import type { Decision, TraceContext } from '../trace-context.js'
import { b3, b3multi } from './b3.js'
import { sw8 } from './sw8.js'
import { w3c } from './w3c.js'

/** The formats by name. */
export type FormatName = 'w3c' | 'b3' | 'b3multi' | 'sw8'

const byName: Readonly<Record<FormatName, Propagator>> = { w3c, b3, b3multi, sw8 }

/**
 * One propagator of several. It reads in the order given, and the first that is valid counts, be it a span or a decision; what is
 * invalid is as if it were not there. Only the place in SkyWalking is also taken from a later `sw8` of the same trace. It writes
 * all of them. Throws `TypeError` for a format that is none, or given twice, or no format at all.
 */
export function propagation(formats: readonly (FormatName | Propagator)[]): Propagator {
  const list = formats.map(toPropagator)
  const names = list.map(({ name }) => name)
  if (list.length === 0) throw new TypeError('propagation: name a format')
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new TypeError(`propagation: ${twice} is given twice`)
  return {
    name: names.join(','),
    get fields() {
      return list.flatMap(({ fields }) => fields) // some know theirs only later
    },
    extract: metadata => extracted(list, metadata),
    inject: context => Object.assign({}, ...list.map(each => each.inject(context))),
  }
}

function extracted(list: readonly Propagator[], metadata: Metadata): TraceContext | Decision | undefined {
  let first: TraceContext | Decision | undefined
  for (const format of list) {
    const found = hasAny(metadata, format.fields) ? format.extract(metadata) : undefined
    if (found === undefined) continue
    if (first === undefined) first = found
    else if (isPlace(found) && first.traceId === found.traceId) first = { skywalking: found.skywalking, ...first }
  }
  return first
}

function hasAny(metadata: Metadata, fields: readonly string[]): boolean {
  for (const field of fields) if (metadata.has(field)) return true
  return false
}

function isPlace(found: TraceContext | Decision): found is TraceContext {
  return found.traceId !== undefined && found.skywalking !== undefined
}

function toPropagator(format: FormatName | Propagator): Propagator {
  if (typeof format === 'object' && format !== null) return format
  if (!Object.hasOwn(byName, format)) throw new TypeError(`propagation: there is no format '${String(format)}'`)
  return byName[format]
}
