// W3C Baggage: what an application tells all that work for one request. It travels beside the trace and needs no tracer; what is
// in it came from outside, so nothing may be allowed because of it.
import { type Context, type Metadata, withOutgoing } from '../../core/index.js'
import { withoutBlanks } from './trace-state.js'

/** One entry. */
export interface BaggageEntry {
  /** Any text; percent-encoded on the wire. */
  readonly value: string
  /** What is said about it, as on the wire: `ttl=10;private`. Passed on. */
  readonly properties?: string
}

/** Entries by name. */
export type Baggage = ReadonlyMap<string, BaggageEntry>

/** The most entries and characters: what the specification has everybody pass on. */
const maxEntries = 64
const maxLength = 8_192

const nameRule = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const valueRule = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/
const propertyRule = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*=[ \t]*[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*)?$/
const escapedRule = /[^\x21\x23\x24\x26-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]/gu

const none: Baggage = new Map()
const known: WeakMap<Metadata, Baggage> = new WeakMap()

/**
 * What the header `baggage` says. Never throws: an entry that breaks the rules is left out whole, and of several with one name the
 * last counts. Of a header with more than 64 entries or 8 192 characters nothing is taken.
 */
export function baggageFromWire(header: string): Baggage {
  if (header.length > maxLength) return none
  const members = header.split(',')
  if (members.length > maxEntries) return none
  const entries = new Map<string, BaggageEntry>()
  for (const member of members) {
    const [pair = '', ...properties] = member.split(';').map(withoutBlanks)
    const equals = pair.indexOf('=')
    const name = withoutBlanks(pair.slice(0, equals))
    const value = withoutBlanks(pair.slice(equals + 1))
    if (equals < 1 || !nameRule.test(name) || !valueRule.test(value)) continue
    if (!properties.every(each => propertyRule.test(each))) continue
    entries.delete(name) // the last also stands last
    entries.set(name, {
      value: decoded(value),
      ...(properties.length === 0 ? {} : { properties: properties.join(';') }),
    })
  }
  return entries
}

/** The header that says it; undefined for none, or for what no header may hold. Never throws. */
export function baggageToWire(baggage: Baggage): string | undefined {
  if (baggage.size === 0 || baggage.size > maxEntries) return undefined
  const members: string[] = []
  for (const [name, { value, properties }] of baggage) {
    if (!nameRule.test(name)) return undefined
    const pair = `${name}=${encoded(value)}`
    if (properties !== undefined && !properties.split(';').every(each => propertyRule.test(withoutBlanks(each))))
      return undefined
    members.push(properties === undefined ? pair : `${pair};${properties}`)
  }
  const header = members.join(',')
  return header.length > maxLength ? undefined : header
}

/** The baggage that came with a call. Read when first asked for, once for each call. Never throws. */
export function baggageOf({ metadata }: Context): Baggage {
  const header = metadata.get('baggage')
  if (header === undefined) return none
  let baggage = known.get(metadata)
  if (baggage === undefined) {
    baggage = baggageFromWire(header)
    known.set(metadata, baggage)
  }
  return baggage
}

/**
 * A context whose calls carry more baggage: what goes out already, or else what came in, with these entries added; `undefined`
 * takes one away. Throws `RangeError` for a name that is none and for more than 64 entries or 8 192 characters in all.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { testContext } from 'tenon'
 * import { withBaggage } from 'tenon/tracing'
 *
 * const context = withBaggage(testContext(), { tenant: 'ännä' })
 * assert.equal(context.outgoing.get('baggage'), 'tenant=%C3%A4nn%C3%A4')
 * ```
 */
export function withBaggage<R extends Context>(
  context: R,
  changes: Readonly<Record<string, string | BaggageEntry | undefined>>,
): R {
  const baggage = new Map(baggageFromWire(context.outgoing.get('baggage') ?? ''))
  for (const [name, change] of Object.entries(changes)) {
    if (!nameRule.test(name)) throw new RangeError(`withBaggage: ${JSON.stringify(name.slice(0, 40))} cannot be a name`)
    baggage.delete(name)
    if (change !== undefined) baggage.set(name, typeof change === 'string' ? { value: change } : change)
  }
  const header = baggageToWire(baggage)
  if (header === undefined && baggage.size > 0)
    throw new RangeError(`withBaggage: more than ${maxEntries} entries or ${maxLength} characters, or wrong properties`)
  return withOutgoing(context, { baggage: header ?? '' })
}

function encoded(value: string): string {
  return value.replace(escapedRule, character => encodeURIComponent(character.isWellFormed() ? character : '\ufffd'))
}

/** What is no UTF-8 becomes U+FFFD, as the specification says. */
function decoded(value: string): string {
  if (!value.includes('%')) return value
  return value.replace(/(?:%[0-9a-f]{2})+/gi, run => {
    const bytes = Uint8Array.from(run.slice(1).split('%'), hex => Number.parseInt(hex, 16))
    return utf8.decode(bytes)
  })
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
