// Ids of systems that write them otherwise, as hex: always the same for the same text, so that all who see a trace agree on it.

/** 32 lower-case hex digits, not all 0: the text itself where it is that, else a hash of it. */
export function hexTraceId(text: string): string {
  return /^(?!0{32})[0-9a-f]{32}$/.test(text) ? text : hashed(text)
}

/** 16 lower-case hex digits, not all 0: a hash of the text. */
export function hexSpanId(text: string): string {
  const id = hashed(text).slice(16)
  return id === '0'.repeat(16) ? `${id.slice(1)}1` : id
}

/** 128 bits, by four lanes of multiply and xor that are mixed at the end. Not for secrets: whoever wants may collide them. */
function hashed(text: string): string {
  const factors = [0x01000193, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f] as const
  const lanes: [number, number, number, number] = [0x811c9dc5, 0x9e3779b9, 0x7f4a7c15, 0x94d049bb]
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    for (let lane = 0; lane < 4; lane++) {
      const mixed = Math.imul((lanes[lane] ?? 0) ^ code, factors[lane] ?? 1)
      lanes[lane] = mixed ^ (mixed >>> 15)
    }
  }
  for (let round = 0; round < 8; round++) {
    const [from, to] = [round & 3, (round + 1) & 3]
    const mixed = Math.imul((lanes[to] ?? 0) ^ ((lanes[from] ?? 0) >>> 13) ^ (lanes[from] ?? 0), factors[to] ?? 1)
    lanes[to] = mixed ^ (mixed >>> 16)
  }
  const hex = lanes.map(lane => (lane >>> 0).toString(16).padStart(8, '0')).join('')
  return hex === '0'.repeat(32) ? `${hex.slice(1)}1` : hex
}
