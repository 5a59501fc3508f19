/** What the tests of all formats draw: ids, contexts, and headers that are almost right. */
import fc from 'fast-check'
import { type Random, seededRandom } from 'tenon'

const nonZero = (digits: number): fc.Arbitrary<string> =>
  fc
    .array(fc.integer({ min: 0, max: 15 }), { minLength: digits, maxLength: digits })
    .map(values => values.map(value => value.toString(16)).join(''))
    .filter(id => !/^0+$/.test(id))

export const traceIds: fc.Arbitrary<string> = fc.oneof(
  nonZero(32),
  nonZero(16).map(id => id.padStart(32, '0')),
)
export const spanIds: fc.Arbitrary<string> = nonZero(16)

const alphabet = '0123456789abcdefABCDEF-=,;:%@ \t.*/+_d\u0000\u00e4\ud800"'

/** Text after `edits` small changes: characters put in, taken out, replaced, pieces doubled or left out. */
function mutated(text: string, random: Random): string {
  let result = text
  for (let edits = Math.floor(random.next() * 4); edits > 0; edits--) {
    const at = Math.floor(random.next() * (result.length + 1))
    const other = Math.floor(random.next() * (result.length + 1))
    const character = alphabet.charAt(Math.floor(random.next() * alphabet.length))
    const kind = Math.floor(random.next() * 5)
    if (kind === 0) result = result.slice(0, at) + character + result.slice(at)
    else if (kind === 1) result = result.slice(0, at) + result.slice(at + 1)
    else if (kind === 2) result = result.slice(0, at) + character + result.slice(at + 1)
    else if (kind === 3) result = result.slice(0, at) + result.slice(other)
    else result = result.slice(0, at) + result.slice(Math.min(at, other), at) + result.slice(at)
  }
  return result
}

/** Runs `check` on a thousand mutants of the samples, for each of `thousands` seeds. */
export function fuzz(
  { samples, thousands }: { readonly samples: readonly string[]; readonly thousands: number },
  check: (text: string, random: Random) => void,
): void {
  fc.assert(
    fc.property(fc.integer(), seed => {
      const random = seededRandom(seed)
      for (let count = 0; count < 1_000; count++) {
        const sample = samples[Math.floor(random.next() * samples.length)] ?? ''
        const text = mutated(sample, random)
        try {
          check(text, random)
        } catch (error) {
          throw new Error(`${JSON.stringify(text)}: ${String(error)}`)
        }
      }
    }),
    { numRuns: thousands, endOnFailure: true },
  )
}
