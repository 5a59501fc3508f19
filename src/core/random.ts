// Chance as a value: jitter, sampling and balancing draw from a Random, so that a test or a simulation can repeat them.

/** A source of random numbers. */
export interface Random {
  /** The next number in [0, 1). */
  next(): number
}

/** The machine's generator (`Math.random`): fit for jitter and sampling, not for secrets. */
export const systemRandom: Random = { next: () => Math.random() }

/** A generator that gives the same numbers for the same seed (any integer): sfc32, 128 bits of state. */
export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9
  let b = 0x243f6a88
  let c = seed | 0
  let counter = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 15; i++) next() // until the seed has reached all bits
  return { next }
}
