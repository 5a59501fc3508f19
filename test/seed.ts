// Runs before each test file: properties draw the same cases each time, so that a red run means that the change at hand broke
// something. `TENON_SEED=random` draws others, `TENON_SEED=<number>` those that somebody else saw fail.
import fc from 'fast-check'

const { TENON_SEED: wanted = '20251127' } = process.env

if (wanted !== 'random') {
  const seed = Number(wanted)
  if (!Number.isInteger(seed)) throw new TypeError(`TENON_SEED must be an integer or 'random', got '${wanted}'`)
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed })
}
