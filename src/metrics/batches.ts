// Lines put together to batches of a size: a datagram that fits the network's frames, a write, a request.

/** Lines with `\n` behind each, in batches of at most `maxBytes`. A line that is longer is a batch of its own. */
export function batchesOf(lines: Iterable<string>, maxBytes: number): readonly string[] {
  const batches: string[] = []
  let batch = ''
  let bytes = 0
  for (const line of lines) {
    const length = Buffer.byteLength(line) + 1
    if (bytes > 0 && bytes + length > maxBytes) {
      batches.push(batch)
      batch = ''
      bytes = 0
    }
    batch += `${line}\n`
    bytes += length
  }
  if (bytes > 0) batches.push(batch)
  return batches
}
