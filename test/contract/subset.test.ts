/** `gaps` against ajv: where it finds none, no value tells the two schemas apart. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Gap } from '../../src/contract/gap.js'
import { requestWords } from '../../src/contract/gap-words.js'
import { SchemaParts } from '../../src/contract/schema-parts.js'
import { gaps } from '../../src/contract/subset.js'
import { deep } from '../deep.js'
import { pair, type Rooted, rooted, valuesFor } from './schema-arbitrary.js'

const parts = ({ definitions }: Rooted): SchemaParts =>
  new SchemaParts(ref => definitions[ref.slice('#/$defs/'.length)])

function gapsOf(from: Rooted, to: Rooted): readonly Gap[] {
  return gaps(from.schema, to.schema, { from: parts(from), to: parts(to), words: requestWords })
}

function validator({ schema, definitions }: Rooted): (value: unknown) => boolean {
  return new Ajv2020({ strict: false, logger: false, meta: false, validateSchema: false }).compile({
    ...schema,
    $defs: definitions,
  })
}

describe('gaps', () => {
  test('finds one wherever a value fits the one schema and not the other', { timeout: 600_000 }, () => {
    let agreed = 0
    let judged = 0
    fc.assert(
      fc.property(pair, fc.integer(), ([from, to], seed) => {
        if (gapsOf(from, to).length > 0) return
        agreed++
        const [sends, reads] = [validator(from), validator(to)]
        for (const value of fc.sample(valuesFor(from), { numRuns: 5, seed })) {
          if (!sends(value)) continue
          judged++
          if (!reads(value)) throw new Error(`${JSON.stringify(value)} fits the first only`)
        }
      }),
      { numRuns: deep(150, 20_000), seed: 1 }, // the same pairs each time: other seeds are for looking further
    )
    expect(agreed).toBeGreaterThan(deep(15, 30))
    expect(judged).toBeGreaterThan(deep(50, 100))
  })

  test('sees all of a choice that is part of an allOf', () => {
    const withField = (b: object): Rooted => ({
      schema: { allOf: [{ anyOf: [{ properties: { a: { type: 'integer' } } }], type: 'object', properties: { b } }] },
      definitions: {},
    })
    expect(gapsOf(withField({ const: 'x' }), withField({ const: true }))).toHaveLength(1)
  })

  test('finds none between a schema and itself', { timeout: 600_000 }, () => {
    fc.assert(
      fc.property(rooted, from => {
        expect(gapsOf(from, structuredClone(from))).toEqual([])
      }),
      { numRuns: deep(300, 20_000) },
    )
  })
})
