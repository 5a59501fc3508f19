/** Whatever a service shows, the algorithms of `shed` do what those say that they are named after. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { limitAlgorithm } from '../../src/middleware/concurrency-limit.js'
import { deep } from '../deep.js'
import { limitModel, limitRules } from './limit-model.js'

/** A time in which the service is the same: as slow, as busy. */
const time = fc.record({
  samples: fc.integer({ min: 1, max: 70 }),
  latencyMs: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.double({ min: 0.1, max: 2_000, noNaN: true })),
  /** How much more it is from one sample to the next, as a share: a slow one is followed by a quick one. */
  wobble: fc.constantFrom(0, 0.02, 0.1, 0.3),
  /** How many calls there are, as a share of the limit. */
  busy: fc.constantFrom(0, 0.4, 0.5, 0.6, 1, 1.2, 1, 1),
  /** Every how many samples have a drop in them. */
  dropEvery: fc.constantFrom(Infinity, Infinity, Infinity, 1, 3),
})
/** The bounds that `shed` keeps the limit within; they change while it runs. */
const bounds = fc.record({ min: fc.integer({ min: 1, max: 20 }), max: fc.integer({ min: 20, max: 2_000 }) })
const command = fc.oneof({ weight: 6, arbitrary: time }, { weight: 1, arbitrary: bounds })
const commands = fc.array(command, { minLength: 3, maxLength: 12, size: 'max' })

test.each(['aimd', 'gradient', 'vegas'] as const)(
  '%s does what its model does',
  {
    timeout: deep(30_000, 600_000),
  },
  name => {
    const seen = new Set<string>()
    const property = fc.property(fc.integer({ min: 1, max: 200 }), commands, (initial, all) => {
      const algorithm = limitAlgorithm(name)
      const model = limitModel(name)
      let within = { min: 1, max: 1_000 }
      let limit = initial
      for (const each of all) {
        if ('min' in each) within = each
        else
          for (let i = 0; i < each.samples; i++) {
            const { latencyMs, wobble, busy, dropEvery } = each
            const sample = {
              latencyMs: latencyMs * (1 + wobble * (i % 3)),
              inFlight: Math.round(limit * busy),
              hasDropped: i % dropEvery === dropEvery - 1,
            }
            const next = algorithm.next(limit, sample)
            const expected = model.next(limit, sample)
            seen.add(model.rule)
            // Plain comparisons: there are a great many.
            if (!(Math.abs(next - expected) <= 1e-9 * limit)) expect({ limit: next, rule: model.rule }).toBe(expected)
            limit = Math.min(within.max, Math.max(within.min, next))
          }
      }
    })
    fc.assert(property, { numRuns: deep(200, 10_000) })
    expect([...seen]).toEqual(expect.arrayContaining([...limitRules[name]])) // all of them were tried
  },
)
