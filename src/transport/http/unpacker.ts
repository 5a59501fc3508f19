// Unpacks a response as it comes, for the clients on node: what counts against their limits is what comes out, and a reader that is
// slow makes zlib wait, and zlib the connection.
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import type { Unpacked, Unpacker } from './sender.js'

/** What these clients ask for, where they ask for packed responses. */
export const unpackable = 'br, gzip, deflate'

const decoders: ReadonlyMap<string, typeof createGunzip | typeof createInflate | typeof createBrotliDecompress> =
  new Map<string, typeof createGunzip | typeof createInflate | typeof createBrotliDecompress>([
    ['br', createBrotliDecompress],
    ['gzip', createGunzip],
    ['x-gzip', createGunzip],
    ['deflate', createInflate],
  ])

/** An unpacker for a `Content-Encoding`; undefined for one that is not known, and for several at once. */
export function zlibUnpacker(coding: string, to: Unpacked): Unpacker | undefined {
  const decoder = decoders.get(coding.trim().toLowerCase())?.()
  if (decoder === undefined) return undefined
  let arrived = 0
  decoder.on('data', (chunk: Buffer) => {
    if (!to.onData(chunk)) decoder.pause()
  })
  decoder.on('end', () => {
    if (decoder.bytesWritten < arrived)
      to.onBroken() // something follows the packed body
    else to.onEnd()
  })
  decoder.on('error', () => to.onBroken())
  decoder.on('drain', () => to.onDrain())
  return {
    write(chunk) {
      arrived += chunk.length
      return decoder.write(chunk)
    },
    end: () => void decoder.end(),
    resume: () => void decoder.resume(),
    close: () => void decoder.destroy(),
  }
}
